/// How far a coordinator is in its life. It goes through these in order and never back; without leader election it
/// begins with [`Phase::Starting`].
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Another coordinator leads, or none does yet; this one waits for its turn, and does nothing else.
    Standby,
    /// It leads, or is alone, and brings back what the store holds. Nothing is answered and nothing is started yet.
    #[default]
    Starting,
    /// It decides.
    Leading,
    /// It was asked to end, and starts nothing more.
    Draining,
}

impl Phase {
    /// Whether this coordinator is the one that acts, or is about to: the value of `wharf_leader`.
    #[must_use]
    pub fn is_leader(self) -> bool {
        self != Phase::Standby
    }

    /// In one word, for those who ask whether it is ready.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Standby => "standby",
            Phase::Starting => "starting",
            Phase::Leading => "leading",
            Phase::Draining => "draining",
        }
    }
}
