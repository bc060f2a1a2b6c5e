use std::hash::{BuildHasher as _, RandomState};

/// A name for a candidate: that of its pod, which is its host's, and something that no other process has. A container that
/// is started again in the same pod is another candidate.
#[must_use]
pub fn new() -> String {
    let said = std::env::var("HOSTNAME").ok();
    let host = said.or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok()).unwrap_or_default();
    name(&host, RandomState::new().hash_one(std::process::id()))
}

/// Bytes of a host's name that are kept.
const HOST: usize = 200;

fn name(host: &str, random: u64) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let host: String = host.trim().chars().filter(plain).take(HOST).collect();
    format!("{}_{random:016x}", if host.is_empty() { "wharf" } else { &host })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_begins_with_the_hosts() {
        assert_eq!(name("wharf-7d9f-x2\n", 0xab), "wharf-7d9f-x2_00000000000000ab");
        assert_eq!(name("", 1), "wharf_0000000000000001");
        assert_eq!(name("a b/c", 1), "abc_0000000000000001");
        assert!(name(&"h".repeat(999), 1).len() < 253);
        assert_ne!(new(), new());
    }
}
