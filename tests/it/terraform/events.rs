//! Terraform's log as people read it, and the message of a failure, from what Terraform really wrote.

use captd::terraform::events::{failure_message, shows_nothing, text};
use serde_json::json;

const APPLY: &str = include_str!("samples/apply.jsonl");
const FAILED: &str = include_str!("samples/failed.jsonl");
const NOTHING: &str = include_str!("samples/nothing.jsonl");

fn told(log: &str) -> String {
    log.lines().filter_map(text).collect::<Vec<_>>().join("\n")
}

/// One line of a log that holds a diagnostic.
fn diagnostic(severity: &str, fields: &serde_json::Value) -> String {
    let mut diagnostic = fields.clone();
    diagnostic["severity"] = json!(severity);
    json!({"@level": severity, "@message": "…", "type": "diagnostic", "diagnostic": diagnostic}).to_string()
}

#[test]
fn an_apply() {
    insta::assert_snapshot!(told(APPLY), @r#"
    module.nodegroup.terraform_data.node["0"]: Plan to create
    module.nodegroup.terraform_data.node["0"]: Creating...
    module.nodegroup.terraform_data.node["0"]: (local-exec): local-exec: Executing: Suppressed by quiet=true
    module.nodegroup.terraform_data.node["0"]: Creation complete after 0s [id=def92cd7-f2a4-eacb-313a-5c122fa3b371]
    Apply complete! Resources: 2 added, 0 changed, 0 destroyed.
    Outputs: 3
    "#);
}

#[test]
fn an_apply_that_failed() {
    insta::assert_snapshot!(told(FAILED), @r#"
    module.nodegroup.terraform_data.node["0"]: Creating...
    module.nodegroup.terraform_data.node["0"]: (local-exec): local-exec: Executing: Suppressed by quiet=true
    module.nodegroup.terraform_data.node["0"]: (local-exec): InsufficientInstanceCapacity
    module.nodegroup.terraform_data.node["0"]: Creation errored after 0s
    Error: local-exec provisioner error: InsufficientInstanceCapacity (module.nodegroup.terraform_data.node["0"], modules/local-nodegroup/main.tf line 50)
    "#);
}

#[test]
fn lines_that_are_none_of_terraforms_are_given_back() {
    for line in ["panic: runtime error", "", "  indented", "{\"a\": 1}", "{\"@mess", "[1]", "null"] {
        assert_eq!(text(line).as_deref(), Some(line));
    }
}

#[test]
fn what_says_nothing_to_a_person_is_left_out() {
    for kind in ["version", "log"] {
        assert_eq!(text(&json!({"@message": "x", "type": kind}).to_string()), None, "{kind}");
    }
    assert_eq!(text(&json!({"@message": "x", "type": "new_in_a_later_terraform"}).to_string()).as_deref(), Some("x"));
}

#[test]
fn a_diagnostic_says_what_and_where() {
    let range = json!({"filename": "main.tf", "start": {"line": 7, "column": 1}});
    for (fields, expected) in [
        (json!({"summary": "S", "detail": ""}), "S"),
        (json!({"summary": "S", "detail": "D\n"}), "S: D"),
        (json!({"summary": "S", "detail": "D", "address": "a.b"}), "S: D (a.b)"),
        (json!({"summary": "S", "detail": "D", "range": range}), "S: D (main.tf line 7)"),
        (json!({"summary": "S", "detail": "D", "range": range, "address": "a.b"}), "S: D (a.b, main.tf line 7)"),
    ] {
        assert_eq!(text(&diagnostic("error", &fields)), Some(format!("Error: {expected}")));
        assert_eq!(text(&diagnostic("warning", &fields)), Some(format!("Warning: {expected}")));
        assert_eq!(failure_message(&diagnostic("error", &fields), ""), expected);
    }
}

#[test]
fn a_failure_is_every_error_and_no_warning() {
    let log = [
        diagnostic("warning", &json!({"summary": "careful"})),
        diagnostic("error", &json!({"summary": "first"})),
        json!({"@message": "Error: not a diagnostic", "type": "log"}).to_string(),
        "no json".to_owned(),
        diagnostic("error", &json!({"summary": "second", "address": "a.b"})),
    ];
    assert_eq!(failure_message(&log.join("\n"), "Error: on stderr"), "first\nsecond (a.b)");
}

#[test]
fn a_failure_of_init_is_what_stands_in_the_box() {
    let stderr = "╷\n│ Error: Failed to query available provider packages\n│ \n│ Could not retrieve the list of available versions for provider nobody/nope:\n│ provider registry.terraform.io/nobody/nope was not found in any of the\n│ search locations\n│ \n│   - /opt/mirror\n╵\n";
    let expected = "Error: Failed to query available provider packages\nCould not retrieve the list of available versions for provider nobody/nope:\nprovider registry.terraform.io/nobody/nope was not found in any of the\nsearch locations\n- /opt/mirror";
    assert_eq!(failure_message("", stderr), expected);
    let plain = "Warning: something old\n\nError: Failed to read\n\nthe file\n";
    assert_eq!(failure_message("Initializing the backend...\n", plain), "Error: Failed to read\nthe file");
}

#[test]
fn a_failure_without_an_error_is_the_last_that_was_said() {
    let stderr: Vec<String> = (1..=30).map(|line| format!("line {line}")).collect();
    let last: Vec<String> = (11..=30).map(|line| format!("line {line}")).collect();
    assert_eq!(failure_message("", &stderr.join("\n")), last.join("\n"));
    assert_eq!(failure_message("", ""), "terraform ended with an error and said nothing");
    assert_eq!(failure_message("", "╷\n│\n╵\n"), "terraform ended with an error and said nothing");
}

#[test]
fn a_failure_is_no_longer_than_4000_characters() {
    let log = diagnostic("error", &json!({"summary": "é".repeat(10_000)}));
    assert_eq!(failure_message(&log, "").chars().count(), 4_000);
}

#[test]
fn a_log_says_whether_a_plan_leaves_anything_to_be_shown() {
    assert!(shows_nothing(NOTHING));
    let with = |line: &str| format!("{NOTHING}{line}\n");
    let warning = |fields| with(&diagnostic("warning", &fields));
    let inside = json!({"summary": "Invalid index", "snippet": {"context": "check \"c\", data \"http\" \"x\""}});
    let of_a_resource = json!({"summary": "Deprecated", "snippet": {"context": "resource \"a\" \"b\""}});
    assert!(shows_nothing(&warning(of_a_resource)), "a warning that stands in the log and in no plan");
    let logs = [
        ("a moved resource", with(r#"{"@message":"…","change":{"action":"move"},"type":"planned_change"}"#)),
        ("drift", with(r#"{"@message":"…","change":{"action":"update"},"type":"resource_drift"}"#)),
        ("a check that does not hold", warning(json!({"summary": "Check block assertion failed"}))),
        ("one that cannot be looked at", warning(inside)),
        ("another version of the log", NOTHING.replacen(r#""ui":"1.2""#, r#""ui":"2.0""#, 1)),
        ("no log", String::new()),
    ];
    for (what, log) in logs {
        assert!(!shows_nothing(&log), "{what}");
    }
}
