use wharf_core::time::Timestamp;

/// How the coordinator is, for those who ask.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Status {
    /// Asked to end.
    pub(crate) draining: bool,
    /// Why the store takes nothing.
    pub(crate) store_error: Option<String>,
    /// Why the newest config is not used.
    pub(crate) config_error: Option<String>,
    /// When the config in use was read.
    pub(crate) config_loaded_at: Timestamp,
}

impl Status {
    pub(crate) fn is_ready(&self) -> bool {
        !self.draining && self.store_error.is_none()
    }
}
