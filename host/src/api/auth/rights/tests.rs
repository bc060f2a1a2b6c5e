use super::*;
use std::collections::{BTreeMap, BTreeSet};

fn right(need: Need) -> Option<Right> {
    match need {
        Need::Token => None,
        Need::Cluster(right) | Need::Run(right) | Need::Backfill(right) | Need::Tenants(right) => Some(right),
    }
}

#[test]
fn what_is_posted_needs_a_right_to_write_and_what_is_got_one_to_read() {
    let mut seen = BTreeSet::new();
    for route in Route::ALL {
        let (method, path, need) = route.entry();
        assert!(seen.insert((method.to_string(), path)), "{method} {path} is there twice");
        assert_eq!(need.writes(), method == Method::POST, "{method} {path}");
        let (by_run, by_backfill) = (path.starts_with("/v1/runs/{id}"), path.starts_with("/v1/backfills/{id}"));
        assert_eq!(matches!(need, Need::Run(_)), by_run, "{method} {path}");
        assert_eq!(matches!(need, Need::Backfill(_)), by_backfill, "{method} {path}");
    }
    assert_eq!(seen.len(), Route::ALL.len());
}

/// The documented table: `| GET | /v1/runs | `list runs` | where |`.
#[test]
fn the_table_is_the_documented_one() {
    let place = |need| match need {
        Need::Token => "",
        Need::Cluster(_) => "the whole cluster",
        Need::Run(_) => "the tenant of the run",
        Need::Backfill(_) => "the tenant of the backfill",
        Need::Tenants(_) => "the tenant of the flow; without one: any, and the answer is about those",
    };
    let rows: Vec<String> = Route::ALL
        .into_iter()
        .map(|route| {
            let (method, path, need) = route.entry();
            let right = right(need).map_or_else(|| "any token".to_owned(), |right| format!("`{right}`"));
            format!("| {method} | `{path}` | {right} | {} |", place(need))
        })
        .collect();
    let page = include_str!("../../../../../deploy/API.md");
    let documented: Vec<_> = page.lines().filter(|l| l.starts_with("| GET") || l.starts_with("| POST")).collect();
    assert_eq!(documented, rows, "deploy/API.md has another table than the API; it should have\n{}", rows.join("\n"));
}

/// What a ClusterRole of the manifest allows.
fn allowed(name: &str) -> BTreeSet<String> {
    let text = include_str!("../../../../../deploy/kubernetes/base/roles-users.yaml");
    let document = text.split("\n---\n").find(|d| d.contains(&format!("name: {name}\n"))).unwrap();
    let list = |line: &str, key: &str| -> Option<Vec<String>> {
        let list = line.trim().trim_start_matches("- ").strip_prefix(key)?.strip_prefix(": [")?.strip_suffix(']')?;
        Some(list.split(',').map(|w| w.trim().trim_matches('"').to_owned()).collect())
    };
    let (mut rights, mut resources) = (BTreeSet::new(), Vec::new());
    for line in document.lines() {
        if let Some(groups) = list(line, "apiGroups") {
            assert_eq!(groups, [GROUP], "{name}");
        }
        if let Some(found) = list(line, "resources") {
            resources = found;
        }
        if let Some(verbs) = list(line, "verbs") {
            rights.extend(verbs.iter().flat_map(|v| resources.iter().map(move |r| format!("{v} {r}"))));
        }
    }
    rights
}

#[test]
fn the_roles_for_users_hold_each_right_and_no_other() {
    let mut wanted: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for right in Route::ALL.into_iter().filter_map(|route| right(route.entry().2)) {
        wanted.entry(right.role()).or_default().insert(right.to_string());
    }
    // Who may change something may see it.
    let viewer = wanted["wharf-viewer"].clone();
    wanted.get_mut("wharf-editor").unwrap().extend(viewer);
    for (role, wanted) in wanted {
        assert_eq!(allowed(role), wanted, "{role}");
    }
}
