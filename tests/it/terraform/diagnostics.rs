//! What `terraform validate` finds, as captd tells it.

use captd::domain::failure::Origin;
use captd::terraform::diagnostics::{errors, of_text, origins};
use serde_json::{Value, json};

fn texts(diagnostics: &Value) -> Option<Vec<String>> {
    let answer = json!({"format_version": "1.0", "valid": false, "diagnostics": diagnostics}).to_string();
    errors(&answer).map(|all| all.into_iter().map(|one| one.text).collect())
}

#[test]
fn errors_have_their_place_and_warnings_are_left_out() {
    let range = json!({"filename": "m/main.tf", "start": {"line": 3, "column": 1, "byte": 9}});
    let found = texts(&json!([
        {"severity": "warning", "summary": "Old", "detail": "It is old."},
        {"severity": "error", "summary": "Wrong", "detail": "It is\n  wrong.", "range": range,
            "snippet": {"context": null, "code": "  a = b", "start_line": 3}},
        {"severity": "error", "summary": "Wrong as a whole", "detail": ""},
    ]));
    assert_eq!(found.unwrap(), ["m/main.tf line 3: Wrong: It is wrong. (`a = b`)", "Wrong as a whole"]);
    assert_eq!(texts(&json!([])), None);
    assert_eq!(texts(&json!([{"severity": "warning", "summary": "Old"}])), None);
    assert_eq!(errors("Error: no JSON at all"), None);
}

#[test]
fn a_text_tells_the_file_where_it_names_one() {
    for (text, file) in [
        ("Error: Unsupported\n\n  on main.tf line 2, in terraform:", Some("main.tf")),
        ("could not be read for module \"m\" at\nmodules/a/main.tf:2.", Some("modules/a/main.tf")),
        ("Failed to query available provider packages", None),
        ("write it into main.tf yourself", None),
    ] {
        assert_eq!(of_text(text).file.as_deref(), file, "{text}");
    }
}

/// A line of a log; `code` is the line of the template that the diagnostic shows.
fn event(address: &str, file: Option<&str>, code: &str) -> String {
    let range = file.map(|file| json!({"filename": file, "start": {"line": 3}}));
    let snippet = json!({"context": null, "code": code, "start_line": 3});
    let diagnostic =
        json!({"severity": "error", "summary": "Wrong", "address": address, "range": range, "snippet": snippet});
    json!({"@message": "Error: Wrong", "type": "diagnostic", "diagnostic": diagnostic}).to_string()
}

#[test]
fn where_an_error_points() {
    for (words, line, origin) in [
        ("a validation", event("", Some("main.tf"), "variable \"v\" {"), Origin::Template),
        ("prevent_destroy", event("", Some("main.tf"), "resource \"terraform_data\" \"x\" {"), Origin::Template),
        ("an expression", event("", Some("m/main.tf"), "      condition = false"), Origin::Template),
        ("a resource", event("aws_vpc.x", Some("main.tf"), "resource \"aws_vpc\" \"x\" {"), Origin::Elsewhere),
        ("a data source", event("data.aws_vpc.x", Some("main.tf"), "data \"aws_vpc\" \"x\" {"), Origin::Elsewhere),
        ("a provisioner", event("x.y", Some("main.tf"), "  provisioner \"local-exec\" {"), Origin::Elsewhere),
        ("an argument", event("aws_vpc.x", Some("main.tf"), "  cidr_block = \"x\""), Origin::Setting),
        (
            "a provider's settings",
            event("provider[\"registry.terraform.io/hashicorp/aws\"]", Some("main.tf"), "provider \"aws\" {"),
            Origin::Setting,
        ),
        ("a lock", event("", None, ""), Origin::Elsewhere),
        ("a resource without a place", event("aws_vpc.x", None, ""), Origin::Elsewhere),
    ] {
        assert_eq!(origins(&line), [origin], "{words}");
    }
    let warning = r#"{"@message": "x", "type": "diagnostic", "diagnostic": {"severity": "warning", "summary": "Old"}}"#;
    assert_eq!(origins(&format!("{warning}\nError: no JSON\n{{}}")), []);
}
