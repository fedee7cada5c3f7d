//! That the house rules can fail: each one on a small bad source, and none on good ones.

mod architecture;
mod places;
mod repository;
mod shape;

use super::{Violation, check_text};

/// A good file as far as the rule in question is concerned, with `body` from its second line on.
fn with_charter(body: &str) -> String {
    format!("//! What it is for.\n{body}")
}

/// Asserts the violations of `file` with `body` behind its charter, each as `line: what`.
#[track_caller]
fn check(file: &str, body: &str, expected: &[&str]) {
    check_whole(file, &with_charter(body), expected);
}

#[track_caller]
fn check_whole(file: &str, text: &str, expected: &[&str]) {
    assert_found(&check_text(file, text), expected);
}

#[track_caller]
fn assert_found(violations: &[Violation], expected: &[&str]) {
    let found: Vec<String> = violations.iter().map(|found| format!("{}: {}", found.line, found.what)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_violation_says_where_what_and_what_to_do() {
    let found = check_text("src/http/runs.rs", &with_charter("use sqlx::Pool;\n"));
    let remedy = "give store/ a function that says what is wanted, and call that";
    assert_eq!(found[0].to_string(), format!("src/http/runs.rs:2: names sqlx outside store/ — {remedy}"));
    check_whole("src/http/runs.rs", "fn (", &["1: is no Rust: cannot parse string into token stream"]);
}
