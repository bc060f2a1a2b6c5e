use std::path::PathBuf;

/// A path from the crate's folder.
pub(crate) fn path(relative: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// Compares with a file. With UPDATE=1 in the environment the file is written instead.
pub(crate) fn check(relative: &str, actual: &str) {
    let file = path(relative);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, actual).expect("the golden file is written");
        return;
    }
    let expect = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        expect == actual,
        "{} is stale: look at the difference, and run the test with UPDATE=1 if it is meant\n--- is\n{actual}",
        file.display()
    );
}
