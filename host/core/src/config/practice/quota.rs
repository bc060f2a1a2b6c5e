//! Without a quota one tenant can take what all share.

use super::Rule;
use crate::config::elements::tenant::Tenant;
use crate::config::reader::Reader;

pub(super) fn check(reader: &mut Reader<'_>, tenant: &Tenant) {
    // That a tenant must be declared is said elsewhere.
    if tenant.is_declared && !tenant.has_quota {
        let name = &tenant.value.name;
        let message = format!("the tenant `{name}` has no `resourceQuota`: its Jobs may take the whole cluster");
        let hint =
            "give it one: `resourceQuota: {hard: {limits.memory: 8Gi, pods: \"20\"}}`; `{hard: {}}` where it is meant";
        reader.practice(tenant.at, Rule::Quota, message, hint);
    }
}
