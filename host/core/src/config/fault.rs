use super::source::{At, File};
use serde::{Deserialize, Serialize};

/// How much a fault matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The config is not used.
    Error,
    /// The config is used; it is likely not what was meant.
    Warning,
}

/// What kind of fault it is. The name is stable; messages are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The text is no UTF-8.
    Encoding,
    /// The text is no YAML.
    Syntax,
    /// The text is larger, deeper or, with its aliases expanded, longer than is read.
    TooLarge,
    /// A key stands twice in one mapping.
    DuplicateKey,
    /// There is no such kind of document, or it is of another version.
    UnknownKind,
    /// There is no such field.
    UnknownField,
    /// A field is missing.
    MissingField,
    /// A value is of another type than its field.
    WrongType,
    /// A value is not one that its field can have.
    InvalidValue,
    /// A name is not one that Kubernetes accepts.
    InvalidName,
    /// A name is taken.
    DuplicateName,
    /// A schedule cannot be read, or never ticks.
    InvalidSchedule,
    /// There is no such zone of time.
    InvalidZone,
    /// A duration cannot be read.
    InvalidDuration,
    /// A quantity cannot be read.
    InvalidQuantity,
    /// What a name stands for is not there: a tenant, need, secret, volume or pool.
    NotFound,
    /// Tasks need each other in a circle.
    Cycle,
    /// An expression is wrong.
    Template,
    /// A JSON Schema is wrong, or a value does not fit it.
    Schema,
    /// Partitions do not fit each other.
    Partition,
    /// More is asked for than is allowed.
    OverLimit,
    /// Something that the tenant does not allow.
    NotAllowed,
    /// A secret's value stands in the config.
    InlineCredential,
    /// An image that changes by itself.
    MovingImage,
    /// What an attempt may use is not said.
    NoLimits,
    /// A tenant may take the whole cluster.
    NoQuota,
    /// Pods would have the account that all others have.
    DefaultServiceAccount,
    /// What is written ends with the pod.
    EphemeralWrites,
    /// A component's file is missing, or cannot be run.
    Component,
    /// A component is another than the pinned one.
    Digest,
    /// A component wants what it is not given.
    NotGranted,
    /// What a task gives is not what the next one takes.
    Edge,
    /// There were more faults than are shown.
    More,
}

impl Code {
    /// The name in output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Encoding => "encoding",
            Code::Syntax => "syntax",
            Code::TooLarge => "too-large",
            Code::DuplicateKey => "duplicate-key",
            Code::UnknownKind => "unknown-kind",
            Code::UnknownField => "unknown-field",
            Code::MissingField => "missing-field",
            Code::WrongType => "wrong-type",
            Code::InvalidValue => "invalid-value",
            Code::InvalidName => "invalid-name",
            Code::DuplicateName => "duplicate-name",
            Code::InvalidSchedule => "invalid-schedule",
            Code::InvalidZone => "invalid-zone",
            Code::InvalidDuration => "invalid-duration",
            Code::InvalidQuantity => "invalid-quantity",
            Code::NotFound => "not-found",
            Code::Cycle => "cycle",
            Code::Template => "template",
            Code::Schema => "schema",
            Code::Partition => "partition",
            Code::OverLimit => "over-limit",
            Code::NotAllowed => "not-allowed",
            Code::InlineCredential => "inline-credential",
            Code::MovingImage => "moving-image",
            Code::NoLimits => "no-limits",
            Code::NoQuota => "no-quota",
            Code::DefaultServiceAccount => "default-service-account",
            Code::EphemeralWrites => "ephemeral-writes",
            Code::Component => "component",
            Code::Digest => "digest",
            Code::NotGranted => "not-granted",
            Code::Edge => "edge",
            Code::More => "more",
        }
    }
}

/// Something that is wrong with a config, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Fault {
    /// How much it matters.
    pub severity: Severity,
    /// What kind it is.
    pub code: Code,
    /// [`super::Source::name`].
    pub file: String,
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// What is wrong, as one clause without a full stop.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The line that it begins in, cut where it is long; none where the file cannot be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<Excerpt>,
}

/// A piece of the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Excerpt {
    /// One line.
    pub text: String,
    /// First byte of `text` that is at fault.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

impl Excerpt {
    /// With nothing of the line but what is at fault: the rest may be a secret.
    fn alone(self) -> Excerpt {
        let text = format!("{}{}", " ".repeat(self.start), self.text.get(self.start..self.end).unwrap_or_default());
        Excerpt { end: text.len(), text, ..self }
    }
}

/// Most faults that are kept.
const MOST: usize = 200;

/// Collects faults.
#[derive(Debug, Default)]
pub(super) struct Faults {
    list: Vec<(At, Fault)>,
    more: usize,
}

impl Faults {
    pub(super) fn error(
        &mut self,
        files: &[File],
        at: At,
        code: Code,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        self.push(files, at, Severity::Error, code, message.into(), hint);
    }

    pub(super) fn warn(
        &mut self,
        files: &[File],
        at: At,
        code: Code,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        self.push(files, at, Severity::Warning, code, message.into(), hint);
    }

    fn push(&mut self, files: &[File], at: At, severity: Severity, code: Code, message: String, hint: Option<String>) {
        if self.list.len() >= MOST {
            self.more += usize::from(severity == Severity::Error);
            return;
        }
        let place = files.get(at.file).map(|f| (f, f.place(at.start)));
        let fault = Fault {
            severity,
            code,
            file: place.as_ref().map(|(f, _)| f.name.clone()).unwrap_or_default(),
            line: place.as_ref().map_or(1, |(_, p)| p.0),
            column: place.as_ref().map_or(1, |(_, p)| p.1),
            message,
            hint,
            excerpt: place
                .and_then(|(f, _)| f.excerpt(at))
                .map(|e| if code == Code::InlineCredential { e.alone() } else { e }),
        };
        if !self.list.iter().any(|(a, f)| *a == at && f.code == code && f.message == fault.message) {
            self.list.push((at, fault));
        }
    }

    pub(super) fn has(&self, at: At, code: Code) -> bool {
        self.list.iter().any(|(a, f)| *a == at && f.code == code)
    }

    pub(super) fn has_errors(&self) -> bool {
        self.list.iter().any(|(_, f)| f.severity == Severity::Error)
    }

    /// In the order of the text.
    pub(super) fn finish(mut self) -> Vec<Fault> {
        self.list.sort_by_key(|(at, _)| (at.file, at.start));
        let mut faults: Vec<Fault> = self.list.into_iter().map(|(_, f)| f).collect();
        if let (true, Some(last)) = (self.more > 0, faults.last().cloned()) {
            let message = format!("{} more faults are not shown", self.more);
            faults.push(Fault {
                severity: Severity::Error,
                code: Code::More,
                message,
                hint: None,
                excerpt: None,
                ..last
            });
        }
        faults
    }
}
