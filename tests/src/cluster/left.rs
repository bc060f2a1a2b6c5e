//! What a cluster puts on a machine, and what of it is left.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Where parts of a node put files and mounts when nobody tells them otherwise.
const USUAL: [&str; 10] = [
    "/run/containerd",
    "/run/netns",
    "/run/flannel",
    "/var/lib/cni",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/log/pods",
    "/opt/containerd",
    "/usr/libexec/kubernetes",
];

#[derive(Debug, Clone, Deserialize)]
struct Record {
    dir: PathBuf,
    cgroup: String,
    supervisor: Process,
    init: Process,
    namespaces: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Process {
    pid: u32,
}

/// The traces of one cluster.
#[derive(Debug)]
pub struct Left {
    record: Record,
    /// The node's namespace of processes, held so that the kernel gives its number to no other.
    _namespace: File,
    /// Of [`USUAL`], what was there before the cluster: the machine's own.
    before: Vec<&'static str>,
}

impl Left {
    pub(super) fn of(list: &str, dir: &Path, before: Vec<&'static str>) -> Result<Left> {
        let records: Vec<Record> = serde_json::from_str(list)?;
        let record = records.into_iter().find(|r| r.dir == dir);
        let record = record.with_context(|| format!("no record of {}", dir.display()))?;
        let namespace = File::open(format!("/proc/{}/ns/pid", record.init.pid))?;
        Ok(Left { record, _namespace: namespace, before })
    }

    /// The number of the process that watches over the cluster.
    #[must_use]
    pub fn supervisor(&self) -> u32 {
        self.record.supervisor.pid
    }

    /// Processes of the node and of its containers, as `number name`.
    ///
    /// # Errors
    /// Where `/proc` cannot be read.
    pub fn processes(&self) -> Result<Vec<String>> {
        let namespace = self.record.namespaces.get("pid").context("a node has a namespace of processes")?;
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let process = entry?.path();
            let of_node =
                std::fs::read_link(process.join("ns/pid")).is_ok_and(|is| is.as_os_str() == namespace.as_str());
            // A container has namespaces of its own, and a control group below the cluster's.
            let of_container = || {
                let groups = std::fs::read_to_string(process.join("cgroup")).unwrap_or_default();
                groups.contains(&format!("{}/", self.record.cgroup))
            };
            if of_node || of_container() {
                let name = std::fs::read_to_string(process.join("comm")).unwrap_or_default();
                found.push(format!("{} {}", process.display(), name.trim()));
            }
        }
        Ok(found)
    }

    /// All that is there of the cluster: its supervisor, processes, mounts, control groups and files.
    ///
    /// # Errors
    /// Where the machine cannot be looked at.
    pub fn all(&self) -> Result<Vec<String>> {
        let mut found = self.processes()?;
        let dir = self.record.dir.to_str().context("a folder of UTF-8")?;
        let command = std::fs::read(format!("/proc/{}/cmdline", self.supervisor())).unwrap_or_default();
        if String::from_utf8_lossy(&command).contains(dir) {
            found.push(format!("/proc/{} the supervisor", self.supervisor()));
        }
        let mounts = std::fs::read_to_string("/proc/self/mounts")?;
        found.extend(mounts.lines().filter(|line| line.contains(dir)).map(|line| format!("mounted: {line}")));
        let cgroups = Path::new("/sys/fs/cgroup");
        let hierarchies = std::fs::read_dir(cgroups)?.filter_map(|entry| Some(entry.ok()?.path()));
        for hierarchy in hierarchies.chain([cgroups.to_path_buf()]) {
            let group = hierarchy.join(self.record.cgroup.trim_start_matches('/'));
            found.extend(group.exists().then(|| group.display().to_string()));
        }
        found.extend(self.record.dir.exists().then(|| dir.to_owned()));
        found.extend(there().into_iter().filter(|path| !self.before.contains(path)).map(str::to_owned));
        Ok(found)
    }
}

/// Which of [`USUAL`] are there.
pub(super) fn there() -> Vec<&'static str> {
    USUAL.into_iter().filter(|path| Path::new(path).exists()).collect()
}
