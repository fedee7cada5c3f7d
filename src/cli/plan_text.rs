//! A plan as text, in the way of `terraform plan`.
//!
//! **Invariant:** pure, and says everything that the plan holds; sensitive values arrive masked.

use serde_json::Value;

use crate::domain::plan::{Action, AttributeChange, Plan, ResourceChange};

/// The plan, without a newline at its end.
pub(super) fn render(plan: &Plan) -> String {
    let mut lines = Vec::new();
    if !plan.drift.is_empty() {
        lines.push("Found otherwise than Terraform had left it:".to_owned());
        for resource in &plan.drift {
            let gone = if resource.action == Action::Delete { "  is gone" } else { "" };
            lines.push(format!("    {}{gone}", resource.address));
            lines.extend(resource.changes.iter().map(|change| attribute(change, "      ")));
        }
        lines.push(String::new());
    }
    for resource in &plan.resources {
        render_resource(resource, &mut lines);
        lines.push(String::new());
    }
    if !plan.outputs.is_empty() {
        lines.push("Outputs:".to_owned());
        lines.extend(plan.outputs.iter().map(|change| attribute(change, "  ")));
        lines.push(String::new());
    }
    for (title, texts) in [
        ("Warning: checks that do not hold, which stop nothing:", &plan.failed_checks),
        ("Warning: may exist, stands in no state, and is not destroyed:", &plan.not_looked_for),
        ("Warning: deferred, since it cannot be planned yet; another run must follow:", &plan.deferred),
    ] {
        if !texts.is_empty() {
            lines.push(title.to_owned());
            lines.extend(texts.iter().map(|text| format!("    {}", escape(text))));
            lines.push(String::new());
        }
    }
    lines.push(if plan.has_changes() {
        format!("Plan: {}.", plan.summary)
    } else if plan.lists_changes() {
        "Nothing is applied: this was only a look.".to_owned()
    } else {
        "No changes: what is there matches the declaration.".to_owned()
    });
    lines.join("\n")
}

/// What stands before a resource: the sign that terraform uses.
pub(super) fn sign(action: Action) -> &'static str {
    match action {
        Action::Create => "+",
        Action::Update => "~",
        Action::Replace => "-/+",
        Action::Delete => "-",
        Action::Read => "<=",
        Action::Import => "=>",
        Action::Move => "->",
        Action::Forget => ".",
    }
}

fn render_resource(resource: &ResourceChange, lines: &mut Vec<String>) {
    let what = match resource.action {
        Action::Create => "is created",
        Action::Update => "is updated in place",
        Action::Replace => "is replaced: deleted and created anew",
        Action::Delete => "is deleted",
        Action::Read => "is read while applying",
        Action::Import => "exists and is recorded",
        Action::Move => "has another address from then on, and stays as it is",
        Action::Forget => "is forgotten: it stays as it is, and nothing manages it any more",
    };
    lines.push(format!("{:>3} {}  {what}", sign(resource.action), resource.address));
    if let Some(before) = &resource.previous_address {
        lines.push(format!("      was {before}"));
    }
    if let Some(key) = &resource.deposed {
        lines.push(format!("      deposed: an earlier replacement has left it ({key})"));
    }
    if let Some(id) = &resource.import_id {
        lines.push(format!("      exists as {id} and is recorded"));
    }
    if resource.tainted {
        lines.push("      because its creation had failed".to_owned());
    } else if !resource.replace_because.is_empty() {
        lines.push(format!("      because of {}", resource.replace_because.join(", ")));
    }
    // What a new resource leaves out says nothing.
    let shown = resource
        .changes
        .iter()
        .filter(|change| change.unknown || change.before != Value::Null || change.after != Value::Null);
    lines.extend(shown.map(|change| {
        let line = attribute(change, "      ");
        let replaces = resource.replace_because.iter().any(|reason| is_at_or_below(&change.path, reason));
        if replaces { format!("{line}  (replaces it)") } else { line }
    }));
}

/// Whether `path` is `above` or a part of it, `above[0]` or `above.name`.
fn is_at_or_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn attribute(change: &AttributeChange, indent: &str) -> String {
    let after = if change.unknown { "(known after apply)".to_owned() } else { text(&change.after) };
    let gone = change.after.is_null() && !change.unknown;
    match (change.before.is_null(), gone) {
        (true, _) => format!("{indent}+ {}: {after}", change.path),
        (false, true) => format!("{indent}- {}: {}", change.path, text(&change.before)),
        (false, false) => format!("{indent}~ {}: {} → {after}", change.path, text(&change.before)),
    }
}

/// A value in JSON, so that no character of it does anything to a terminal; a mask as it is.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) if text == crate::domain::plan::MASK => text.clone(),
        other => escape(&other.to_string()),
    }
}

/// JSON leaves the control characters beyond ASCII as they are.
fn escape(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_unicode().collect() } else { vec![c] }).collect()
}
