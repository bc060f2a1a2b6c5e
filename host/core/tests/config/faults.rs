use super::{catalog, golden};
use wharf_core::config::{Code, Fault, Severity, Source, reference, render};

/// Every file of `tests/faults`, with what is shown of it.
#[test]
fn faults_are_shown_as_in_the_golden_files() {
    let mut names: Vec<String> = std::fs::read_dir(golden::path("tests/faults"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| n.ends_with(".yaml"))
        .collect();
    names.sort();
    assert!(names.len() >= 20);
    for name in names {
        let text = std::fs::read(golden::path(&format!("tests/faults/{name}"))).unwrap();
        let resolved = catalog::read(&name, text);
        assert!(!resolved.faults.is_empty(), "{name} has no fault");
        let bad = resolved.faults.iter().any(|f| f.severity == Severity::Error);
        assert_eq!(resolved.plan.is_none(), bad, "{name}");
        golden::check(&format!("tests/faults/{}", name.replace(".yaml", ".txt")), &render(&resolved.faults, false));
    }
}

fn only(text: impl Into<Vec<u8>>) -> Fault {
    let mut faults = catalog::read("big.yaml", text).faults;
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

#[test]
fn a_file_of_ten_megabytes_is_refused() {
    let fault = only("a: 1\n".repeat(2 << 20));
    assert_eq!(fault.code, Code::TooLarge);
    assert_eq!(fault.message, "the file has 10485760 bytes, and at most 4 MiB are read");
}

#[test]
fn hostile_files_are_refused_at_a_bounded_cost() {
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for i in 1..30 {
        let list = vec![format!("*a{}", i - 1); 10].join(", ");
        laughs += &format!("a{i}: &a{i} [{list}]\n");
    }
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 100].join(", "));
    let keys: String = (0..5_000).map(|i| format!("k{i}: 1\n")).collect();
    for text in [
        laughs,
        long,
        "[".repeat(4 << 20),
        "- ".repeat(1 << 20),
        "{a: ".repeat(1 << 20),
        format!("a: [{}]", "1,".repeat(1 << 20)),
        keys,
    ] {
        let fault = only(text.clone());
        assert_eq!(fault.code, Code::TooLarge, "{}: {}", &text[..20], fault.message);
    }
    assert_eq!(only("a: &a [*a]").code, Code::Syntax);
}

#[test]
fn no_text_makes_it_panic() {
    let good = ["config/full", "config/kubernetes", "faults/pod-loosened"]
        .map(|name| std::fs::read_to_string(golden::path(&format!("tests/{name}.yaml"))).unwrap());
    let strange = [
        "\u{feff}", "é", "\t", "- ", "{", "]", "&a ", "*a ", "!!x ", "|\n", "'", "\"", "#", ": ", "---\n", "{{", "}}",
        "\0",
    ];
    let mut seed = 7_u64;
    let mut random = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % n
    };
    for round in 0..450 {
        let mut text: Vec<char> = good[round % good.len()].chars().collect();
        for _ in 0..=random(3) {
            let at = random(text.len());
            match random(3) {
                0 => drop(text.drain(at..(at + random(30)).min(text.len()))),
                1 => drop(text.splice(at..at, strange[random(strange.len())].chars())),
                _ => text.truncate(at.max(1)),
            }
        }
        let resolved = catalog::read("walk.yaml", text.into_iter().collect::<String>());
        let _shown = render(&resolved.faults, false);
    }
}

#[test]
fn faults_of_several_files_name_their_file() {
    let source = |name: &str, text: &str| Source { name: name.into(), dir: "/etc/wharf".into(), text: text.into() };
    let tenant = "apiVersion: wharf.dev/v1\nkind: Tenant\nmetadata: {name: acme}\n";
    let faults = catalog::read_all(vec![source("a.yaml", tenant), source("b.yaml", tenant)]).faults;
    assert_eq!(faults.len(), 1);
    assert_eq!((faults[0].file.as_str(), faults[0].line, faults[0].column), ("b.yaml", 3, 18));
    assert_eq!(faults[0].hint.as_deref(), Some("the other one is in a.yaml:3"));
}

#[test]
fn many_faults_are_cut() {
    let tasks: String =
        (0..500).map(|i| format!("    - {{name: t{i}, wrong: 1, component: {{path: any.wasm}}}}\n")).collect();
    let text = format!("apiVersion: wharf.dev/v1\nkind: Flow\nmetadata: {{name: f}}\nspec:\n  tasks:\n{tasks}");
    let faults = catalog::read("f.yaml", text).faults;
    assert_eq!(faults.len(), 201);
    assert_eq!(faults[200].message, "300 more faults are not shown");
}

#[test]
fn the_value_of_a_credential_is_never_shown() {
    for name in ["inline-credential", "cluster", "pod-own", "practice-refused"] {
        let text = std::fs::read(golden::path(&format!("tests/faults/{name}.yaml"))).unwrap();
        assert!(String::from_utf8_lossy(&text).contains("hunter2"));
        let faults = catalog::read("f.yaml", text).faults;
        let all = serde_json::to_string(&faults).unwrap() + &render(&faults, true);
        assert!(!all.to_lowercase().contains("hunter2"), "{all}");
    }
}

#[test]
fn every_rule_of_practice_has_a_golden_fault_of_its_level() {
    let reference = reference();
    let (_, section) = reference.split_once("## Practice\n").unwrap();
    let rules: Vec<_> =
        section.lines().take_while(|l| !l.starts_with("## ")).filter(|l| l.starts_with("| `")).collect();
    assert_eq!(rules.len(), 6);
    let goldens = ["practice", "practice-refused"]
        .map(|name| std::fs::read_to_string(golden::path(&format!("tests/faults/{name}.txt"))).unwrap())
        .concat();
    for rule in rules {
        let cells: Vec<_> = rule.split('|').map(str::trim).collect();
        let level = if cells[2] == "refused" { "error" } else { "warning" };
        let fault = format!("{level}[{}]", cells[1].trim_matches('`'));
        assert!(goldens.contains(&fault), "no golden fault shows {fault}");
    }
}
