//! Does a task run, once all its needs are final?

use crate::event::SkipReason;
use crate::plan::RunIf;

/// How the needs of a task ended, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Failed, upstream-failed or cancelled.
    pub(crate) failed: u16,
    pub(crate) skipped: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    Run,
    Skip(SkipReason),
    UpstreamFailed,
}

pub(crate) fn gate(run_if: RunIf, needs: Needs) -> Gate {
    match run_if {
        RunIf::AllSucceeded if needs.failed > 0 => Gate::UpstreamFailed,
        RunIf::AllSucceeded if needs.skipped > 0 => Gate::Skip(SkipReason::NeedSkipped),
        RunIf::AnyFailed if needs.failed == 0 => Gate::Skip(SkipReason::NoneFailed),
        RunIf::AllSucceeded | RunIf::AllDone | RunIf::AnyFailed => Gate::Run,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(run_if: RunIf, failed: u16, skipped: u16, expect: Gate) {
        assert_eq!(gate(run_if, Needs { failed, skipped }), expect, "{run_if:?} failed={failed} skipped={skipped}");
    }

    #[test]
    fn each_rule_on_each_end_of_the_needs() {
        check(RunIf::AllSucceeded, 0, 0, Gate::Run);
        check(RunIf::AllSucceeded, 0, 1, Gate::Skip(SkipReason::NeedSkipped));
        check(RunIf::AllSucceeded, 1, 1, Gate::UpstreamFailed);
        check(RunIf::AllDone, 1, 1, Gate::Run);
        check(RunIf::AnyFailed, 0, 3, Gate::Skip(SkipReason::NoneFailed));
        check(RunIf::AnyFailed, 1, 3, Gate::Run);
    }
}
