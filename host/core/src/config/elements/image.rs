//! References to images and repositories, as container runtimes read them.

use super::name;
use crate::config::fault::Code;
use crate::config::practice::Rule;
use crate::config::reader::{self, Reader, Text};
use crate::config::shape::Kind;
use crate::config::yaml::Node;
use crate::plan::PullPolicy;
use crate::schedule::shown;

pub(in crate::config) const KIND: Kind = Kind::Form("an image with a tag or a digest");
pub(in crate::config) const REPOSITORY: Kind = Kind::Form("a repository of a registry");
pub(in crate::config) const PULL_POLICY: Kind = Kind::Enum(&["IfNotPresent", "Always", "Never"]);

/// An image that stays what it is: with a tag that is not `latest`, or with a digest.
pub(in crate::config) fn read(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<Text> {
    let text = reader::text(node, name)?;
    match image_fault(&text.value) {
        None => return Some(text),
        Some(ImageFault::Form(why)) => {
            let message = format!("`{}` is no image: {why}", shown(&text.value));
            let hint = "write it as `registry.example.org/wharf/runtime:1.2`";
            reader.error_hint(text.at, Code::InvalidValue, message, hint);
        }
        Some(ImageFault::Moving(why)) => {
            let message = format!("the image `{}` {why}: what runs would change by itself", shown(&text.value));
            let hint = "give it a tag of its own, or better a digest: `NAME@sha256:...`";
            reader.practice(text.at, Rule::MovingImage, message, hint);
        }
    }
    None
}

/// A repository without tag and digest.
pub(in crate::config) fn read_repository(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = reader::text(node, "repository")?;
    let why = if text.value.contains('@') || text.value.rsplit('/').next().is_some_and(|last| last.contains(':')) {
        Some("it has a tag or a digest, and a component brings its own")
    } else {
        repository_fault(&text.value).or((!text.value.contains('/')).then_some("it lacks the registry"))
    };
    let Some(why) = why else { return Some(text.value) };
    let message = format!("`{}` is no repository: {why}", shown(&text.value));
    reader.error_hint(text.at, Code::InvalidValue, message, "write it as `registry.example.org/team/components`");
    None
}

pub(in crate::config) fn pull_policy(node: &Node, name: &str) -> PullPolicy {
    match node.get(name).and_then(Node::text) {
        Some("Always") => PullPolicy::Always,
        Some("Never") => PullPolicy::Never,
        _ => PullPolicy::IfNotPresent,
    }
}

#[derive(Debug, PartialEq, Eq)]
/// What is wrong with a reference to an image.
pub(crate) enum ImageFault {
    /// It is none.
    Form(&'static str),
    /// What it stands for changes.
    Moving(&'static str),
}

/// What is wrong with a reference to an image.
pub(crate) fn image_fault(image: &str) -> Option<ImageFault> {
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    let slash = name.rfind('/').map_or(0, |i| i + 1);
    let (repository, tag) = match name[slash..].split_once(':') {
        Some((last, tag)) => (&name[..slash + last.len()], Some(tag)),
        None => (name, None),
    };
    if let Some(why) = repository_fault(repository) {
        return Some(ImageFault::Form(why));
    }
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if tag.is_some_and(|t| t.is_empty() || t.len() > 128 || t.starts_with(['.', '-']) || !t.chars().all(word)) {
        return Some(ImageFault::Form("its tag is none"));
    }
    match (digest, tag) {
        (Some(digest), _) => {
            let hex = digest.strip_prefix("sha256:").unwrap_or_default();
            let good = hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            (!good).then_some(ImageFault::Form("its digest is not `sha256:` and 64 lower-case hex digits"))
        }
        (None, None) => Some(ImageFault::Moving("has no tag, which means `latest`")),
        (None, Some("latest")) => Some(ImageFault::Moving("has the tag `latest`")),
        (None, Some(_)) => None,
    }
}

fn repository_fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.len() > 255 {
        return Some("it is longer than 255 characters");
    }
    if text.contains("://") {
        return Some("it has a scheme");
    }
    let (host, path) = match text.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), rest),
        _ => (None, text),
    };
    if let Some(host) = host {
        let (name, port) = host.rsplit_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
        if !name::is_host(name) || port.is_some_and(|p| p.parse::<u16>().is_err()) {
            return Some("its registry is no host");
        }
    }
    let part = |p: &str| {
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        edge(p.chars().next())
            && edge(p.chars().last())
            && p.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.' | '-'))
    };
    (!path.split('/').all(part)).then_some("its path has what a repository cannot have")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_images_that_stay() {
        let digest = format!("a/b@sha256:{}", "0a".repeat(32));
        for image in ["wharf/runtime:1.2", "r.example.org:5000/a/b:v1", "10.0.0.1:5000/x:1", "localhost/a:1", &digest] {
            assert_eq!(image_fault(image), None, "{image}");
        }
        for image in ["wharf", "a/b", "r.example.org:5000/a", "a:latest"] {
            assert!(matches!(image_fault(image), Some(ImageFault::Moving(_))), "{image}");
        }
        for image in ["", ":1", "A/b:1", "a//b:1", "https://a/b:1", "a:-1", "a:", "a@sha256:00", "a b:1", "-.org/a:1"] {
            assert!(matches!(image_fault(image), Some(ImageFault::Form(_))), "{image}");
        }
    }
}
