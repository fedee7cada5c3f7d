//! What an apply has said of what it does: the order of its events decides, and nothing that a template prints.

use captd::terraform::applying::Applying;
use serde_json::{Value, json};

fn hook(kind: &str, address: &str, action: &str) -> Value {
    let resource = json!({"addr": address, "implied_provider": address.split('_').next()});
    json!({"@level": "info", "@message": "it goes on", "type": kind, "hook": {"resource": resource, "action": action}})
}

fn error(address: &str, summary: &str) -> Value {
    let diagnostic = json!({"severity": "error", "summary": summary, "address": address});
    json!({"@level": "error", "@message": "Error: it", "type": "diagnostic", "diagnostic": diagnostic})
}

/// What a `local-exec` prints, as terraform passes it on.
fn printed(text: &str) -> Value {
    json!({"@level": "info", "@message": format!("x (local-exec): {text}"), "type": "provision_progress",
        "hook": {"resource": {"addr": "terraform_data.x"}, "provisioner": "local-exec", "output": text}})
}

fn take(lines: &[Value]) -> Applying {
    let mut said = Applying::default();
    for line in lines {
        said.take(&line.to_string());
    }
    said
}

#[test]
fn what_is_begun_and_not_ended_is_known() {
    let (start, complete, errored) = ("apply_start", "apply_complete", "apply_errored");
    for (lines, under_way, unfinished) in [
        (vec![], vec![], vec![]),
        (vec![hook(start, "aws_x.a", "create")], vec!["create aws_x.a"], vec!["aws_x.a"]),
        (vec![hook(start, "aws_x.a", "create"), hook(complete, "aws_x.a", "create")], vec![], vec!["aws_x.a"]),
        (vec![hook(start, "aws_x.a", "create"), hook(errored, "aws_x.a", "create")], vec![], vec!["aws_x.a"]),
        (vec![hook(start, "aws_x.a", "delete")], vec!["delete aws_x.a"], vec![]),
        (vec![hook(start, "aws_x.a", "update"), hook(errored, "aws_x.a", "update")], vec![], vec![]),
        (
            vec![
                hook(start, "aws_x.b", "create"),
                hook(start, "aws_x.a", "create"),
                hook(complete, "aws_x.b", "create"),
            ],
            vec!["create aws_x.a"],
            vec!["aws_x.a", "aws_x.b"],
        ),
        // What is printed says nothing, whatever it is.
        (vec![printed(&hook(start, "aws_x.a", "create").to_string())], vec![], vec![]),
        (
            vec![hook(start, "aws_x.a", "create"), printed(&hook(complete, "aws_x.a", "create").to_string())],
            vec!["create aws_x.a"],
            vec!["aws_x.a"],
        ),
    ] {
        let said = take(&lines);
        let found: Vec<String> =
            said.under_way().iter().map(|(address, action)| format!("{action} {address}")).collect();
        assert_eq!(found, under_way, "{lines:?}");
        assert_eq!(said.creations().keys().collect::<Vec<_>>(), unfinished, "{lines:?}");
    }
}

#[test]
fn its_errors_are_kept_by_address_and_bounded() {
    let said = take(&[
        error("aws_x.a", "one"),
        printed("\"error\" of nobody"),
        error("aws_x.b", "other"),
        error("aws_x.a", "two"),
    ]);
    assert_eq!(said.errors_of("aws_x.a"), ["one (aws_x.a)", "two (aws_x.a)"]);
    assert_eq!((said.errors_of("aws_x.c").len(), said.forgets()), (0, false));
    let long = "x".repeat(1 << 20);
    let said =
        take(&[error("aws_x.a", &long), error("aws_x.a", &long), error("aws_x.a", &long), error("aws_x.b", &long)]);
    assert_eq!((said.errors_of("aws_x.a").len(), said.errors_of("aws_x.b").len(), said.forgets()), (3, 0, true));
}

#[test]
fn however_much_is_said_between_nothing_is_forgotten() {
    let mut said = take(&[hook("apply_start", "aws_x.a", "create")]);
    let chatter = printed(&"words ".repeat(10_000)).to_string();
    for _ in 0..400 {
        said.take(&chatter);
    }
    said.take(&error("aws_x.a", "it broke").to_string());
    assert_eq!(said.creations().get("aws_x.a").map(String::as_str), Some("aws"));
    assert_eq!(said.errors_of("aws_x.a"), ["it broke (aws_x.a)"]);
}
