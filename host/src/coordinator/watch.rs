//! Says when a config file or a component may have changed.

use super::request::Input;
use crate::load::{Sources, Stamp};
use rustix::fs::inotify;
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::{mpsc, watch};

/// Time without a change after which a change counts as complete: editors and checkouts write in several steps.
const SETTLE: Duration = Duration::from_millis(200);
/// Longest wait for that.
const SETTLE_AT_MOST: Duration = Duration::from_secs(2);

/// Watches the folders of these paths until the loop is gone.
///
/// # Errors
/// The system has no watches left.
pub(super) fn start(inputs: mpsc::Sender<Input>, sources: watch::Receiver<Sources>) -> std::io::Result<()> {
    let fd = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC)?;
    // SAFETY: an `OwnedFd` is open, stays open and stays the same file for as long as it lives, and `AsyncFd` owns it.
    let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?;
    tokio::spawn(async move {
        if let Err(e) = run(&fd, &inputs, sources).await {
            tracing::error!(error = %e, "config files are not watched any more; SIGHUP and POST /v1/reload still read them");
        }
    });
    Ok(())
}

async fn run(
    fd: &AsyncFd<OwnedFd>,
    inputs: &mpsc::Sender<Input>,
    mut sources: watch::Receiver<Sources>,
) -> std::io::Result<()> {
    let mut watched = Watched::default();
    // What changed after it was read and before it was watched shows in the stamps.
    let mut touched = watched.set(fd.get_ref(), &sources.borrow_and_update());
    loop {
        if touched {
            settle(fd, &mut watched).await?;
            if inputs.send(Input::ConfigTouched).await.is_err() {
                return Ok(());
            }
        }
        tokio::select! {
            changed = sources.changed() => match changed {
                Ok(()) => touched = watched.set(fd.get_ref(), &sources.borrow_and_update()),
                Err(_) => return Ok(()),
            },
            event = watched.touched(fd) => touched = event?,
        }
    }
}

/// Waits until nothing more changes.
async fn settle(fd: &AsyncFd<OwnedFd>, watched: &mut Watched) -> std::io::Result<()> {
    let end = crate::clock::monotonic() + SETTLE_AT_MOST;
    loop {
        let quiet = (crate::clock::monotonic() + SETTLE).min(end);
        match tokio::time::timeout_at(quiet, watched.touched(fd)).await {
            Ok(result) => drop(result?),
            Err(_) => return Ok(()),
        }
    }
}

/// Folders under watch. Files are watched through their folders, since an editor puts another file in their place.
#[derive(Debug, Default)]
struct Watched {
    folders: Vec<(i32, PathBuf)>,
    /// Files that matter; of a folder that was named itself, every YAML file does.
    files: BTreeSet<PathBuf>,
    whole: BTreeSet<PathBuf>,
}

impl Watched {
    /// Watches these from now on. True: some of them are not as they were.
    fn set(&mut self, fd: &OwnedFd, sources: &Sources) -> bool {
        self.files.clear();
        self.whole.clear();
        let mut folders = BTreeSet::new();
        for (path, _) in sources {
            if path.is_dir() {
                folders.insert(path.clone());
                self.whole.insert(path.clone());
            } else {
                folders.extend(path.parent().map(Path::to_owned));
                self.files.insert(path.clone());
            }
        }
        self.folders.retain(|(wd, folder)| {
            let stays = folders.remove(folder);
            if !stays {
                let _ = inotify::remove_watch(fd, *wd);
            }
            stays
        });
        let flags = inotify::WatchFlags::CLOSE_WRITE
            | inotify::WatchFlags::MOVED_TO
            | inotify::WatchFlags::MOVED_FROM
            | inotify::WatchFlags::DELETE
            | inotify::WatchFlags::CREATE;
        for folder in folders {
            match inotify::add_watch(fd, &folder, flags) {
                Ok(wd) => self.folders.push((wd, folder)),
                Err(e) => tracing::warn!(error = %e, "{} is not watched for changes", folder.display()),
            }
        }
        sources.iter().any(|(path, stamp)| Stamp::of(path) != *stamp)
    }

    /// Waits for events; answers whether one of them matters.
    async fn touched(&mut self, fd: &AsyncFd<OwnedFd>) -> std::io::Result<bool> {
        let mut guard = fd.readable().await?;
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(fd.get_ref(), &mut buffer);
        let mut matters = false;
        loop {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map(|n| String::from_utf8_lossy(n.to_bytes()).into_owned());
                    let folder = self.folders.iter().find(|(wd, _)| *wd == event.wd()).map(|(_, f)| f);
                    // Without a name something happened to the folder itself, or events were lost.
                    matters |= match (folder, name) {
                        (Some(folder), Some(name)) => self.matters(folder, &name),
                        _ => true,
                    };
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
        guard.clear_ready();
        Ok(matters)
    }

    fn matters(&self, folder: &Path, name: &str) -> bool {
        let path = folder.join(name);
        let is_yaml = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
        // A mounted ConfigMap changes by way of the link `..data`.
        self.files.contains(&path) || (is_yaml && self.whole.contains(folder)) || name == "..data"
    }
}
