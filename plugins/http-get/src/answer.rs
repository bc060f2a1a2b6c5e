use std::time::Duration;
use wharf_task::TaskError;

/// Judges an answer's status. `retry_after` is its header of that name.
pub(crate) fn judge(status: u16, retry_after: Option<&str>) -> Result<(), TaskError> {
    let message = format!("the server answered {status}");
    match status {
        200..=299 => Ok(()),
        408 | 425 | 429 | 500..=599 => {
            // A date is the header's other form; the flow's back-off serves for it.
            let after = retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
            Err(TaskError::Retryable { message, after })
        }
        300..=399 => Err(TaskError::Permanent(format!("{message}, a redirect, which is not followed"))),
        _ => Err(TaskError::Permanent(message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_may_change_is_retryable() {
        assert_eq!(judge(204, None), Ok(()));
        assert_eq!(
            judge(429, Some("7")),
            Err(TaskError::retry_after("the server answered 429", Duration::from_secs(7)))
        );
        assert_eq!(
            judge(503, Some("Wed, 21 Oct 2015 07:28:00 GMT")),
            Err(TaskError::retryable("the server answered 503"))
        );
        for status in [301, 400, 404, 410, 100] {
            assert!(matches!(judge(status, Some("7")), Err(TaskError::Permanent(_))), "{status}");
        }
    }
}
