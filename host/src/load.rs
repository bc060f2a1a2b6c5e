//! Config from files: read, parsed, components looked at, resolved to a plan or to faults.

mod inspection;

use crate::coordinator::Config;
use rustix::fs::{Mode, OFlags};
use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wharf_contract::Inspection;
use wharf_core::config::{self, Catalog, Fault, Source};
use wharf_core::plan::Plan;

/// Largest config file in bytes that is read at all; the config itself has a smaller bound and says so.
const MAX_FILE: u64 = 64 << 20;
/// Files that one config is made of.
const MAX_FILES: usize = 1000;

/// Reads configs. Remembers what components are like, as long as their files do not change.
#[derive(Debug)]
pub struct Loader {
    runtime: PathBuf,
    known: HashMap<PathBuf, (Stamp, Inspection)>,
}

/// A config, read.
#[derive(Debug)]
pub struct Loaded {
    /// The plan; none where a fault is an error.
    pub plan: Option<Arc<Plan>>,
    /// Errors and warnings.
    pub faults: Vec<Fault>,
    /// The faults for people, with the places in the text.
    pub rendered: String,
    /// What the components are like.
    pub catalog: Catalog,
    /// Files and folders that it was made of, components included, as they were before they were read: what to watch.
    pub sources: Sources,
}

/// Files and folders, as they were at some time.
pub type Sources = Vec<(PathBuf, Option<Stamp>)>;

/// What tells one content of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    size: u64,
    mtime: (i64, i64),
    inode: u64,
}

impl Stamp {
    /// Of a file or folder as it is now; none where there is none.
    #[must_use]
    pub fn of(path: &Path) -> Option<Stamp> {
        std::fs::metadata(path).ok().as_ref().map(Stamp::from)
    }
}

impl From<&Metadata> for Stamp {
    fn from(m: &Metadata) -> Stamp {
        Stamp { size: m.len(), mtime: (m.mtime(), m.mtime_nsec()), inode: m.ino() }
    }
}

impl Loader {
    /// A loader that looks at components with this binary of `wharf-runtime`.
    #[must_use]
    pub fn new(runtime: PathBuf) -> Loader {
        Loader { runtime, known: HashMap::new() }
    }

    /// Reads a config. Faults of the config are part of the answer. Blocks.
    ///
    /// # Errors
    /// A file cannot be read or is too large, or components cannot be looked at.
    pub fn load(&mut self, config: &Config, color: bool) -> Result<Loaded, String> {
        let (texts, mut sources) = match config {
            Config::Paths(paths) => read_all(paths)?,
            Config::Texts(texts) => (texts.clone(), Vec::new()),
        };
        let parsed = config::parse(texts);
        let components = parsed.components();
        sources.extend(components.iter().map(|path| (path.clone(), Stamp::of(path))));
        let catalog = self.inspect(&components)?;
        let resolved = config::resolve(parsed, &catalog);
        let rendered = config::render(&resolved.faults, color);
        Ok(Loaded { plan: resolved.plan.map(Arc::new), faults: resolved.faults, rendered, catalog, sources })
    }

    /// Looks at components; what was looked at before and has not changed is not looked at again. Blocks.
    ///
    /// # Errors
    /// The runtime cannot be asked. A component that is no good is part of the answer.
    pub fn inspect(&mut self, components: &[PathBuf]) -> Result<Catalog, String> {
        let (mut catalog, mut unknown) = (Catalog::new(), Vec::new());
        for path in components {
            let stamp = match std::fs::metadata(path) {
                Ok(m) => Stamp::from(&m),
                Err(e) => {
                    catalog.insert(path.clone(), Err(e.to_string()));
                    continue;
                }
            };
            match self.known.get(path) {
                Some((known, inspection)) if *known == stamp => {
                    catalog.insert(path.clone(), Ok(inspection.clone()));
                }
                _ => unknown.push((path.clone(), stamp)),
            }
        }
        if !unknown.is_empty() {
            let files: Vec<_> = unknown.iter().map(|(path, _)| path.as_path()).collect();
            let answers = inspection::ask(&self.runtime, &files)?;
            for ((path, stamp), answer) in unknown.into_iter().zip(answers) {
                if let Ok(inspection) = &answer {
                    self.known.insert(path.clone(), (stamp, inspection.clone()));
                }
                catalog.insert(path, answer);
            }
        }
        self.known.retain(|path, _| catalog.contains_key(path));
        Ok(catalog)
    }
}

/// The binary `wharf-runtime`: as named, else as `WHARF_RUNTIME` names it, else beside this program, else on `PATH`.
///
/// # Errors
/// It is at none of these places, in words.
pub fn find_runtime(named: Option<&Path>) -> Result<PathBuf, String> {
    const NAME: &str = "wharf-runtime";
    let set = std::env::var_os("WHARF_RUNTIME").filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(path) = named.map(Path::to_owned).or(set) {
        return match std::path::absolute(&path) {
            Ok(path) if path.is_file() => Ok(path),
            _ => Err(format!(
                "there is no file {}: --runtime or WHARF_RUNTIME names the binary wharf-runtime",
                path.display()
            )),
        };
    }
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join(NAME)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = beside.into_iter().chain(std::env::split_paths(&path).map(|dir| dir.join(NAME)));
    places.find(|p| p.is_file()).ok_or_else(|| {
        "wharf-runtime is neither beside wharf nor on PATH: name it with --runtime PATH or in WHARF_RUNTIME".to_owned()
    })
}

/// Files named, and the `*.yaml` and `*.yml` of folders named, by name; also everything that tells of a change.
fn read_all(paths: &[PathBuf]) -> Result<(Vec<Source>, Sources), String> {
    let (mut files, mut sources) = (Vec::new(), Vec::new());
    for path in paths {
        let failed = |e: std::io::Error| format!("cannot read the config {}: {e}", path.display());
        let absolute = std::path::absolute(path).map_err(failed)?;
        sources.push((absolute.clone(), Stamp::of(&absolute)));
        if !absolute.is_dir() {
            files.push((path.clone(), absolute));
            continue;
        }
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(&absolute).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let is_yaml = Path::new(&name).extension().is_some_and(|e| e == "yaml" || e == "yml");
            if is_yaml && absolute.join(&name).is_file() {
                inside.push((path.join(&name), absolute.join(&name)));
            }
        }
        if inside.is_empty() {
            return Err(format!("the config folder {} holds no *.yaml", path.display()));
        }
        inside.sort();
        sources.extend(inside.iter().map(|(_, path)| (path.clone(), Stamp::of(path))));
        files.extend(inside);
    }
    if files.len() > MAX_FILES {
        return Err(format!("the config is made of {} files, over the bound of {MAX_FILES}", files.len()));
    }
    let texts = files.into_iter().map(|(shown, path)| read(&shown, &path)).collect::<Result<_, _>>()?;
    Ok((texts, sources))
}

fn read(shown: &Path, path: &Path) -> Result<Source, String> {
    let failed = |e: std::io::Error| format!("cannot read the config {}: {e}", shown.display());
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).map_err(|e| failed(e.into()))?);
    let mut text = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_FILE {
        return Err(format!("the config {} is larger than {} MiB", shown.display(), MAX_FILE >> 20));
    }
    let dir = path.parent().unwrap_or(Path::new("/")).to_owned();
    Ok(Source { name: shown.display().to_string(), dir, text })
}
