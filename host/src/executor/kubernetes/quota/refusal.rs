use super::Shortage;
use wharf_core::quantity::Amount;

/// The shortage that a refusal tells of, whether of our own create or of the Job controller's; none where it was not a
/// quota that refused, or what it says of numbers is not understood.
///
/// The API server words it so: `... is forbidden: exceeded quota: NAME, requested: R=1,S=2, used: R=3,S=4, limited: R=5,S=6`.
pub(in crate::executor::kubernetes) fn shortage_in(message: &str) -> Option<Shortage> {
    let (_, said) = message.split_once("exceeded quota: ")?;
    let (quota, said) = said.split_once(", requested: ")?;
    let (requested, said) = said.split_once(", used: ")?;
    let (used, limited) = said.split_once(", limited: ")?;
    let of = |list: &str, resource: &str| {
        list.split(',')
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(r, _)| *r == resource)
            .map(|(_, v)| v.to_owned())
    };
    let mut short: Option<Shortage> = None;
    for (resource, amount) in requested.split(',').filter_map(|pair| pair.trim().split_once('=')) {
        let found = Shortage {
            quota: quota.to_owned(),
            resource: resource.to_owned(),
            requested: amount.to_owned(),
            used: of(used, resource)?,
            hard: of(limited, resource)?,
        };
        // All that the pod asks of the quota may be listed; the first that does not fit is the one to show.
        if exceeds(&found) {
            return Some(found);
        }
        short = short.or(Some(found));
    }
    short
}

fn exceeds(shortage: &Shortage) -> bool {
    let amounts = [&shortage.requested, &shortage.used, &shortage.hard].map(|text| Amount::parse(text).ok());
    matches!(amounts, [Some(requested), Some(used), Some(hard)] if used + requested > hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, expect: Option<[&str; 5]>) {
        let shortage = shortage_in(message);
        let seen =
            shortage.as_ref().map(|s| [&s.quota, &s.resource, &s.requested, &s.used, &s.hard].map(String::as_str));
        assert_eq!(seen, expect, "{message}");
    }

    #[test]
    fn reads_the_numbers_of_a_refusal() {
        check(
            "Error creating: pods \"daily-extract-7-x-1-abcde-f7x2k\" is forbidden: exceeded quota: tenant, requested: \
             limits.memory=1Gi, used: limits.memory=512Mi, limited: limits.memory=1Gi",
            Some(["tenant", "limits.memory", "1Gi", "512Mi", "1Gi"]),
        );
        check(
            "jobs.batch \"x\" is forbidden: exceeded quota: jobs, requested: count/jobs.batch=1, used: count/jobs.batch=3, \
             limited: count/jobs.batch=3",
            Some(["jobs", "count/jobs.batch", "1", "3", "3"]),
        );
    }

    #[test]
    fn shows_the_first_of_several_that_does_not_fit() {
        check(
            "exceeded quota: q, requested: limits.cpu=500m,limits.memory=2Gi,pods=1, used: limits.cpu=1,limits.memory=0,pods=9, \
             limited: limits.cpu=2,limits.memory=1Gi,pods=9",
            Some(["q", "limits.memory", "2Gi", "0", "1Gi"]),
        );
    }

    #[test]
    fn says_nothing_of_other_refusals() {
        check("", None);
        check("pods \"x\" is forbidden: failed quota: q: must specify limits.memory for: wharf", None);
        check("pods \"x\" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi", None);
        check("exceeded quota: q, requested: pods=1, used: pods=1", None);
        check("exceeded quota: q, requested: , used: , limited: ", None);
        check("exceeded quota: q, requested: pods=1, used: cpu=1, limited: pods=1", None);
    }
}
