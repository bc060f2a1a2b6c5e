use crate::config::fault::{Code, Severity};
use std::fmt::Write;

/// A rule of good practice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum Rule {
    Limits,
    MovingImage,
    InlineCredential,
    ServiceAccount,
    EphemeralWrites,
    Quota,
}

impl Rule {
    const ALL: [Rule; 6] = [
        Rule::Limits,
        Rule::MovingImage,
        Rule::InlineCredential,
        Rule::ServiceAccount,
        Rule::EphemeralWrites,
        Rule::Quota,
    ];

    /// The code of its faults.
    pub(in crate::config) const fn code(self) -> Code {
        match self {
            Rule::Limits => Code::NoLimits,
            Rule::MovingImage => Code::MovingImage,
            Rule::InlineCredential => Code::InlineCredential,
            Rule::ServiceAccount => Code::DefaultServiceAccount,
            Rule::EphemeralWrites => Code::EphemeralWrites,
            Rule::Quota => Code::NoQuota,
        }
    }

    /// Whether what breaks it is refused. What is refused is never meant; what is warned of may be.
    pub(in crate::config) const fn severity(self) -> Severity {
        match self {
            Rule::MovingImage | Rule::InlineCredential | Rule::ServiceAccount => Severity::Error,
            Rule::Limits | Rule::EphemeralWrites | Rule::Quota => Severity::Warning,
        }
    }

    /// What breaks it, and what to do if it is meant all the same.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Rule::Limits => (
                "On a cluster: a task for which neither it nor its tenant's `defaults` say `resources.limits.memory` and \
                 `resources.requests.cpu`; the message has what is taken then. An init container of a `podTemplate` without \
                 `limits.memory` and `requests.cpu`.",
                "say the default",
            ),
            Rule::MovingImage => (
                "An image without tag and digest, or with the tag `latest`: of the Coordinator, of an init container, of an \
                 image volume.",
                "no way",
            ),
            Rule::InlineCredential => (
                "A variable whose name ends with `PASSWORD`, `PASSWD`, `PASSPHRASE`, `TOKEN`, `SECRET`, `_KEY`, `APIKEY`, \
                 `CREDENTIAL` or `CREDENTIALS` and that has a literal value. Anywhere: a URL with user and password, a private \
                 key in PEM, an access key of AWS, a token of GitHub, GitLab or Slack.",
                "no way",
            ),
            Rule::ServiceAccount => (
                "A `podTemplate` with `serviceAccountName: default`: what is bound to it for any pod, each attempt would have. \
                 Without the field pods have an account of their own, which may do nothing.",
                "no way",
            ),
            Rule::EphemeralWrites => (
                "On a cluster: a task that may write to a volume that is an `emptyDir`, which ends with the pod. A container of a \
                 `podTemplate` whose root is not read-only, so that it writes to its own file system instead of a volume.",
                "an `emptyDir` with a `sizeLimit` is a scratch folder; `readOnlyRootFilesystem: false` of an init container is \
                 taken as meant",
            ),
            Rule::Quota => (
                "On a cluster: a tenant with flows and without `resourceQuota`: its Jobs may take the whole cluster.",
                "`resourceQuota: {hard: {}}`",
            ),
        }
    }
}

/// A table of Markdown.
pub(in crate::config) fn table() -> String {
    let mut out = String::from(
        "## Practice\n\nWhat `wharf check` refuses or warns of although a cluster would take it. A warning goes when the config \
         says what is meant; `wharf check --strict` takes no warnings.\n\n| code | is | where | if it is meant |\n|---|---|---|---|\n",
    );
    for rule in Rule::ALL {
        let level = match rule.severity() {
            Severity::Error => "refused",
            Severity::Warning => "a warning",
        };
        let (what, meant) = rule.words();
        let _ = writeln!(out, "| `{}` | {level} | {what} | {meant} |", rule.code().as_str());
    }
    out.push('\n');
    out
}
