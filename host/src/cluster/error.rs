use std::fmt;
use wharf_depot::chain;

/// Why something could not be done to a cluster. It says what is wrong and where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterError {
    /// The cluster cannot be reached, or does not answer as one does.
    Unreachable(String),
    /// The cluster refuses it: rights, admission, a field that somebody else sets.
    Refused(String),
    /// What is named is not there.
    NotFound(String),
    /// The credentials to reach the cluster cannot be used.
    Credentials(String),
}

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ClusterError::Unreachable(text)
        | ClusterError::Refused(text)
        | ClusterError::NotFound(text)
        | ClusterError::Credentials(text)) = self;
        f.write_str(text)
    }
}

impl std::error::Error for ClusterError {}

/// An error of the client in words. `what` says what was to be done, for example `apply Role team-a/wharf-coordinator`.
pub(super) fn explain(what: &str, error: kube::Error) -> ClusterError {
    let status = match error {
        kube::Error::Api(status) => status,
        kube::Error::Auth(e) => return ClusterError::Credentials(format!("cannot {what}: {}", chain(&e))),
        other => {
            return ClusterError::Unreachable(format!(
                "cannot {what}: the cluster does not answer: {}; see whether `kubectl version` reaches it",
                chain(&other)
            ));
        }
    };
    let causes = status.details.as_ref().map_or(&[][..], |d| &d.causes);
    let conflicts: Vec<String> = causes
        .iter()
        .filter(|c| c.reason == "FieldManagerConflict")
        .map(|c| format!("{} ({})", c.field, c.message))
        .collect();
    match status.code {
        404 => ClusterError::NotFound(format!("cannot {what}: {}", status.message)),
        401 => ClusterError::Credentials(format!(
            "cannot {what}: the cluster does not know who asks; renew the kubeconfig's credentials"
        )),
        403 => ClusterError::Refused(format!("cannot {what}: {}", status.message)),
        409 if !conflicts.is_empty() => ClusterError::Refused(format!(
            "cannot {what}: others set {}; take it away there, or take it over with --force-conflicts",
            conflicts.join(", ")
        )),
        500.. => ClusterError::Unreachable(format!("cannot {what}: the cluster fails: {}", status.message)),
        _ => ClusterError::Refused(format!("cannot {what}: {}", status.message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;
    use kube::core::response::StatusDetails;
    use serde_json::json;

    #[test]
    fn a_status_is_told_by_its_code() {
        let status = |code, message: &str| kube::Error::Api(Status { code, ..Status::failure(message, "R") }.boxed());
        let explain = |error| super::explain("apply Role a/b", error);
        for (error, expect) in [
            (
                status(404, "namespaces \"a\" not found"),
                ClusterError::NotFound("cannot apply Role a/b: namespaces \"a\" not found".into()),
            ),
            (status(403, "no"), ClusterError::Refused("cannot apply Role a/b: no".into())),
            (status(422, "bad"), ClusterError::Refused("cannot apply Role a/b: bad".into())),
            (status(409, "it changed"), ClusterError::Refused("cannot apply Role a/b: it changed".into())),
            (status(503, "later"), ClusterError::Unreachable("cannot apply Role a/b: the cluster fails: later".into())),
        ] {
            assert_eq!(explain(error), expect);
        }
    }

    #[test]
    fn a_conflict_names_fields_and_owners() {
        let cause = |field: &str, owner: &str| json!({ "reason": "FieldManagerConflict", "message": format!("conflict with \"{owner}\""), "field": field });
        let details: StatusDetails =
            serde_json::from_value(json!({ "causes": [cause(".spec.hard", "kubectl"), cause(".rules", "helm")] }))
                .unwrap();
        let status = Status { code: 409, details: Some(details), ..Status::failure("2 conflicts", "Conflict") };
        assert_eq!(
            explain("apply X", kube::Error::Api(status.boxed())),
            ClusterError::Refused(
                "cannot apply X: others set .spec.hard (conflict with \"kubectl\"), .rules (conflict with \"helm\"); take it away there, or take it over with --force-conflicts".into()
            )
        );
    }
}
