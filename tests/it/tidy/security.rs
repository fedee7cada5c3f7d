//! SECURITY.md: a promise names the tests that hold it, and these tests exist.

use std::fs;
use std::path::Path;

/// The tests that the tables of promises name.
fn named(page: &str) -> Vec<String> {
    let promises = page.split("## What captd promises").nth(1).expect("the page has promises");
    let promises = promises.split("\n## ").next().unwrap_or_default();
    let rows = promises.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| promise"));
    let held_by = rows.map(|row| {
        let cell = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        let names: Vec<String> = cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        assert!(!names.is_empty(), "a promise that no test holds: {row}");
        names
    });
    held_by.flatten().collect()
}

/// Whether the tests have a module, or a test in one, of this name.
fn exists(folder: &Path, name: &str) -> bool {
    let path = folder.join(name.replace("::", "/"));
    if path.with_extension("rs").is_file() {
        return true;
    }
    let (module, function) = name.rsplit_once("::").unwrap_or_default();
    let text = fs::read_to_string(folder.join(module.replace("::", "/")).with_extension("rs")).unwrap_or_default();
    text.contains(&format!("fn {function}()"))
}

#[test]
fn each_promise_of_security_md_is_held_by_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let tests = named(&page);
    assert!(tests.len() > 20, "the page is read as it is written: {tests:?}");
    let missing: Vec<&String> = tests.iter().filter(|name| !exists(&root.join("tests/it"), name)).collect();
    assert!(missing.is_empty(), "SECURITY.md names tests that do not exist: {missing:?}");
}
