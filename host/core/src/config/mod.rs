//! The config: YAML documents of the kinds `Coordinator`, `Tenant` and `Flow`, in the form that Kubernetes has.
//!
//! [`parse`] reads the text and each element by itself; [`resolve`] judges what only shows when all is there, with what is
//! known of the components, and gives a [`Plan`]. Every fault is collected, each with its place and what to do about it.

mod causes;
mod document;
mod elements;
mod fault;
mod practice;
mod reader;
mod render;
mod resolve;
mod scalar;
mod schema;
mod shape;
mod source;
mod yaml;

pub use elements::name::is_object_name;
pub use fault::{Code, Excerpt, Fault, Severity};
pub use render::render;
pub use schema::{json_schema, reference};
pub use source::Source;

pub(crate) use elements::env::is_credential;
pub(crate) use elements::image::{ImageFault, image_fault};

use crate::plan::Plan;
use document::Documents;
use fault::Faults;
use reader::Reader;
use source::{At, File};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use wharf_contract::Inspection;

/// What is known of each component by its absolute path, or why it cannot be inspected.
pub type Catalog = BTreeMap<PathBuf, Result<Inspection, String>>;

/// A config that was read, not yet judged as a whole.
#[derive(Debug)]
pub struct Parsed {
    files: Vec<File>,
    documents: Documents,
    faults: Faults,
    /// Not everything could be read: what seems to be missing may be there.
    broken: bool,
}

/// The end of reading a config.
#[derive(Debug)]
pub struct Resolved {
    /// None where there is a fault of severity [`Severity::Error`].
    pub plan: Option<Plan>,
    /// In the order of the text, warnings among them.
    pub faults: Vec<Fault>,
}

/// Reads the files of a config.
#[must_use]
pub fn parse(sources: Vec<Source>) -> Parsed {
    let mut faults = Faults::default();
    let mut files = Vec::new();
    let mut broken = false;
    for source in sources {
        let (file, refusal) = open(source);
        files.push(file);
        if let Some((at, code, message, hint)) = refusal {
            let at = At { file: files.len() - 1, start: at, end: at, text: None };
            faults.error(&files, at, code, message, Some(hint));
            broken = true;
        }
    }
    let mut documents = Documents::default();
    for file in 0..files.len() {
        let (nodes, whole) = yaml::load(&files, file, &mut faults);
        broken |= !whole;
        let mut reader = Reader { files: &files, faults: &mut faults };
        for node in &nodes {
            documents.add(&mut reader, node);
            practice::document(&mut reader, node);
        }
    }
    Parsed { files, documents, faults, broken }
}

type Refusal = (usize, Code, String, String);

fn open(source: Source) -> (File, Option<Refusal>) {
    let Source { name, dir, text } = source;
    if text.len() > yaml::MAX_FILE {
        let message = format!("the file has {} bytes, and at most {} MiB are read", text.len(), yaml::MAX_FILE >> 20);
        let hint = "cut it into several files; data belongs into volumes".to_owned();
        return (File::new(name, dir, String::new()), Some((0, Code::TooLarge, message, hint)));
    }
    match String::from_utf8(text) {
        Ok(text) => (File::new(name, dir, text), None),
        Err(e) => {
            let at = e.utf8_error().valid_up_to();
            let byte = e.as_bytes().get(at).copied().unwrap_or_default();
            let message = format!("the file is no UTF-8: byte {at} (0x{byte:02x}) begins no character");
            let mut valid = e.into_bytes();
            valid.truncate(at);
            let hint = "save it as UTF-8".to_owned();
            // What comes before is kept to show the place; none of it is used.
            let file = File::unread(name, dir, String::from_utf8(valid).unwrap_or_default());
            (file, Some((at, Code::Encoding, message, hint)))
        }
    }
}

impl Parsed {
    /// The components that the config names, absolute: what a [`Catalog`] must tell of.
    #[must_use]
    pub fn components(&self) -> Vec<PathBuf> {
        let tasks = self.documents.flows.iter().flat_map(|f| &f.tasks);
        let paths: BTreeSet<_> = tasks.filter_map(|t| t.component.as_ref()).map(|c| c.path.clone()).collect();
        paths.into_iter().collect()
    }
}

/// Judges a config as a whole.
///
/// Where a file could not be read to its end, or an element has a fault, the faults of what belongs together may be
/// fewer than they will be.
#[must_use]
pub fn resolve(parsed: Parsed, catalog: &Catalog) -> Resolved {
    let Parsed { files, documents, mut faults, broken } = parsed;
    let mut reader = Reader { files: &files, faults: &mut faults };
    let plan = if broken { None } else { Some(resolve::plan(&mut reader, &documents, catalog)) };
    let plan = plan.filter(|_| !faults.has_errors());
    Resolved { plan, faults: faults.finish() }
}
