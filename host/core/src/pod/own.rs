//! What in a pod is wharf's own: no template touches it.

use wharf_contract::pod::paths;

/// The container that runs the attempt.
pub const CONTAINER: &str = "wharf";

/// What the names of our own volumes begin with. A flow's volume has its own name.
pub const VOLUME_PREFIX: &str = "wharf-";

/// What the names of our own labels and annotations begin with.
pub const DOMAIN: &str = "wharf.dev/";

/// Other labels that wharf, or the Job controller for it, sets.
pub const LABELS: [&str; 9] = [
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/managed-by",
    "batch.kubernetes.io/job-name",
    "batch.kubernetes.io/controller-uid",
    "job-name",
    "controller-uid",
];

/// Folders of the container that hold what wharf mounts; nothing else is mounted there, above or below.
pub const FOLDERS: [&str; 6] =
    ["/etc/wharf", paths::SCRATCH, paths::VOLUMES, "/var/run/wharf", paths::STORE_VOLUME, paths::COMPONENT_VOLUME];
