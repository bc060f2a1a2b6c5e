//! Credentials and other settings of a store: from the files of a folder, one setting a file, or from the environment.

use crate::Error;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Largest setting in bytes.
const MAX_SETTING: u64 = 1 << 20;
/// Most settings of a folder.
const MAX_SETTINGS: usize = 100;
/// Certificates in PEM that are trusted besides Mozilla's; in the environment also the name of a file that holds them.
pub(crate) const CA_BUNDLE: &str = "CA_BUNDLE";

/// Settings by name; the values are seen by nobody but the store's client.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    by_name: BTreeMap<String, String>,
    /// Where they are read from, if that holds nothing but settings of the store.
    folder: Option<PathBuf>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}

impl Settings {
    /// From this folder; where there is none, from the environment.
    pub(crate) fn read(folder: Option<&Path>) -> Result<Settings, Error> {
        let mut settings = match folder {
            Some(folder) => Settings::of_folder(folder)?,
            None => Settings { by_name: std::env::vars().filter(|(name, _)| is_ours(name)).collect(), folder: None },
        };
        if let Some(bundle) = settings.by_name.get_mut(CA_BUNDLE)
            && !bundle.contains("-----BEGIN")
        {
            *bundle = text(Path::new(bundle.as_str()))?;
        }
        Ok(settings)
    }

    fn of_folder(folder: &Path) -> Result<Settings, Error> {
        let cannot = |e| Error::local("read the store's credentials in", folder, e);
        let mut settings = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            // A mounted Secret has folders whose names begin with a dot, and links into them.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with('.') || !is_ours(&name) || entry.path().is_dir() {
                continue;
            }
            if settings.len() == MAX_SETTINGS {
                return Err(Error::Settings(format!(
                    "{} holds more than {MAX_SETTINGS} settings of a store",
                    folder.display()
                )));
            }
            let value = text(&entry.path())?;
            settings.insert(name, value.strip_suffix('\n').unwrap_or(&value).to_owned());
        }
        Ok(Settings { by_name: settings, folder: Some(folder.to_owned()) })
    }

    /// Those whose names begin so, each in lower case as the store's client knows it.
    pub(crate) fn of(&self, prefix: &'static str) -> impl Iterator<Item = (&str, String, &str)> {
        self.by_name
            .iter()
            .filter(move |(name, _)| name.starts_with(prefix))
            .map(|(name, value)| (name.as_str(), name.to_ascii_lowercase(), value.as_str()))
    }

    /// The key that the store's client knows a setting by. The environment may hold others, a folder of settings may not.
    pub(crate) fn known<K, E>(&self, name: &str, key: Result<K, E>) -> Result<Option<K>, Error> {
        match (key, &self.folder) {
            (Ok(key), _) => Ok(Some(key)),
            (Err(_), None) => Ok(None),
            (Err(_), Some(folder)) => Err(Error::Settings(format!(
                "{} is no setting of a store: is it misspelt?",
                folder.join(name).display()
            ))),
        }
    }

    /// Certificates in PEM.
    pub(crate) fn ca_bundle(&self) -> Option<&str> {
        self.by_name.get(CA_BUNDLE).map(String::as_str)
    }
}

fn is_ours(name: &str) -> bool {
    name == CA_BUNDLE || ["AWS_", "AZURE_", "GOOGLE_"].iter().any(|prefix| name.starts_with(prefix))
}

fn text(path: &Path) -> Result<String, Error> {
    let cannot = |e: &dyn fmt::Display| Error::local("read the store's setting", path, e);
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|e| cannot(&e))?;
    file.take(MAX_SETTING + 1).read_to_string(&mut text).map_err(|e| cannot(&e))?;
    if text.len() as u64 > MAX_SETTING {
        return Err(cannot(&format_args!("it is larger than {MAX_SETTING} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_as_kubernetes_mounts_a_secret_is_read_and_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("..2026");
        fs::create_dir(&data).unwrap();
        fs::write(data.join("AWS_SECRET_ACCESS_KEY"), "hush\n").unwrap();
        std::os::unix::fs::symlink("..2026", dir.path().join("..data")).unwrap();
        std::os::unix::fs::symlink("..data/AWS_SECRET_ACCESS_KEY", dir.path().join("AWS_SECRET_ACCESS_KEY")).unwrap();
        fs::write(dir.path().join("password"), "not ours").unwrap();
        let settings = Settings::read(Some(dir.path())).unwrap();
        let all: Vec<_> = settings.of("AWS_").collect();
        assert_eq!(all, [("AWS_SECRET_ACCESS_KEY", "aws_secret_access_key".to_owned(), "hush")]);
        assert_eq!(format!("{settings:?}"), r#"{"AWS_SECRET_ACCESS_KEY"}"#);
        assert!(Settings::read(Some(&dir.path().join("none"))).is_err());
    }

    #[test]
    fn a_bundle_may_be_named_by_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let pem = dir.path().join("ca.pem");
        fs::write(&pem, "-----BEGIN CERTIFICATE-----").unwrap();
        fs::write(dir.path().join("CA_BUNDLE"), pem.to_str().unwrap()).unwrap();
        let settings = Settings::read(Some(dir.path())).unwrap();
        assert_eq!(settings.ca_bundle(), Some("-----BEGIN CERTIFICATE-----"));
    }
}
