//! Pages of what lies in a folder.

use super::folder::{Folder, Refused, failed, invalid, stat};
use crate::keys;
use cap_std::fs::Dir;
use std::io::ErrorKind;
use wharf_contract::claim::{Answer, Listed, MAX_KEYS};

/// Folders within folders that are gone through: keys have fewer.
const DEEPEST: usize = 8;

struct Page<'a> {
    after: Option<&'a str>,
    deep: bool,
    objects: Vec<Listed>,
    folders: Vec<String>,
    /// The last key, or the last folder, that is on this page.
    last: String,
}

impl Folder {
    /// What lies in a folder, in the order of the names in each folder, from behind `after` on. A folder that is not there
    /// is empty.
    pub(super) fn list(&self, folder: &str, after: Option<&str>, deep: bool) -> Result<Answer, Refused> {
        if !keys::is_folder(folder) {
            return Err(invalid("a folder that is none"));
        }
        let dir = match folder {
            "" => self.dir().try_clone(),
            folder => self.dir().open_dir(folder),
        };
        let mut page = Page { after, deep, objects: Vec::new(), folders: Vec::new(), last: String::new() };
        let more = match dir {
            Ok(dir) => page.take(&dir, folder, 0)?,
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => false,
            Err(e) => return Err(failed(e)),
        };
        let Page { objects, folders, last, .. } = page;
        Ok(Answer::Page { objects, folders, next: more.then_some(last) })
    }
}

impl Page<'_> {
    /// Whether there is more than the page takes.
    fn take(&mut self, dir: &Dir, folder: &str, depth: usize) -> Result<bool, Refused> {
        let mut names = Vec::new();
        for entry in dir.entries().map_err(failed)? {
            // Names that are no keys are nobody's objects: pieces, unfinished writes.
            if let Ok(name) = entry.map_err(failed)?.file_name().into_string()
                && keys::is_segment(&name)
            {
                names.push(name);
            }
        }
        names.sort_unstable();
        for name in names {
            let key = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            if self.is_behind(&key) {
                continue;
            }
            // What is gone meanwhile was not there.
            let Ok(meta) = dir.symlink_metadata(&name) else { continue };
            if meta.is_dir() && self.deep {
                let Ok(inner) = dir.open_dir(&name) else { continue };
                if depth < DEEPEST && self.take(&inner, &key, depth + 1)? {
                    return Ok(true);
                }
                continue;
            }
            if !(meta.is_dir() || meta.is_file() && keys::is_key(&key)) {
                continue;
            }
            if self.objects.len() + self.folders.len() == MAX_KEYS {
                return Ok(true);
            }
            match meta.is_dir() {
                true => self.folders.push(name),
                false => self.objects.push(Listed { key: key.clone(), stat: stat(&meta)? }),
            }
            self.last = key;
        }
        Ok(false)
    }

    /// Whether all that has this key, or begins with it and a slash, was on a page before.
    fn is_behind(&self, key: &str) -> bool {
        let Some(after) = self.after else { return false };
        // Segment by segment, as folders are gone through: `a/b` comes before `a-b`.
        let order = key.split('/').cmp(after.split('/'));
        let within = after.strip_prefix(key).is_some_and(|rest| rest.starts_with('/'));
        order.is_le() && !within
    }
}
