//! Terraform's machine-readable log: one JSON object a line, from `plan -json` and `apply -json`.

use serde_json::Value;

/// Characters of a failure's message; the rest is in the log.
const MESSAGE_CHARS_MAX: usize = 4_000;

/// One line of a log as a person reads it. A line that is no JSON is given back as it is; one
/// that says nothing to a person gives `None`.
#[must_use]
pub fn text(line: &str) -> Option<String> {
    let Some(event) = parse(line) else { return Some(line.to_owned()) };
    match event["type"].as_str() {
        Some("diagnostic") => Some(diagnostic_text(&event["diagnostic"])),
        Some("version" | "log") => None,
        _ => event["@message"].as_str().map(str::to_owned),
    }
}

/// What went wrong, from the log of a command that failed: every error diagnostic, or, where
/// there is none, the last lines that it wrote to standard error.
#[must_use]
pub fn failure_message(stdout: &str, stderr: &str) -> String {
    let errors: Vec<String> = stdout
        .lines()
        .filter_map(parse)
        .filter(|event| event["type"] == "diagnostic" && event["diagnostic"]["severity"] == "error")
        .map(|event| diagnostic_body(&event["diagnostic"]))
        .collect();
    let message = if errors.is_empty() { plain_error(stderr) } else { errors.join("\n") };
    message.chars().take(MESSAGE_CHARS_MAX).collect()
}

/// Addresses that could not be imported because nothing exists there, from the log of a plan that
/// failed.
#[must_use]
pub fn missing_imports(stdout: &str) -> Vec<String> {
    let missing = stdout.lines().filter_map(parse).filter(|event| {
        event["type"] == "diagnostic" && event["diagnostic"]["summary"] == "Cannot import non-existent remote object"
    });
    missing.filter_map(|event| quoted(event["diagnostic"]["detail"].as_str()?)).collect()
}

/// Whether a failure may come from a schema that was not given, since it is of a type that was not
/// expected. Which texts Terraform has for it depends on where it misses the schema.
#[must_use]
pub fn may_lack_schema(message: &str) -> bool {
    ["schema", "Invalid resource type", "Invalid data source"].iter().any(|text| message.contains(text))
}

/// Whether the log of a plan that has nothing to apply leaves nothing to be shown either: no drift, and no check that
/// does not hold. A log of another kind than is known here does not say so.
#[must_use]
pub fn shows_nothing(stdout: &str) -> bool {
    let mut is_known = false;
    for event in stdout.lines().filter_map(parse) {
        match event["type"].as_str() {
            Some("version") => is_known = event["ui"].as_str().is_some_and(|version| version.starts_with("1.")),
            Some("planned_change" | "resource_drift") => return false,
            Some("diagnostic") if is_of_a_check(&event["diagnostic"]) => return false,
            _ => {}
        }
    }
    is_known
}

/// Whether a `check` block warns, or what it looks at does.
fn is_of_a_check(diagnostic: &Value) -> bool {
    let starts = |value: &Value, with: &str| value.as_str().is_some_and(|text| text.starts_with(with));
    starts(&diagnostic["summary"], "Check block") || starts(&diagnostic["snippet"]["context"], "check ")
}

/// The first text in quotes, as Go writes it.
fn quoted(text: &str) -> Option<String> {
    let from = &text[text.find('"')?..];
    serde_json::Deserializer::from_str(from).into_iter::<String>().next()?.ok()
}

pub(super) fn parse(line: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(line).ok()?;
    value.get("@message").is_some().then_some(value)
}

fn diagnostic_text(diagnostic: &Value) -> String {
    let word = if diagnostic["severity"] == "error" { "Error" } else { "Warning" };
    format!("{word}: {}", diagnostic_body(diagnostic))
}

/// `summary: detail (address, file line n)`.
pub(super) fn diagnostic_body(diagnostic: &Value) -> String {
    let text = |name: &str| diagnostic[name].as_str().unwrap_or_default().trim();
    let mut out = text("summary").to_owned();
    // Of a provisioner's failure, what the command said matters, and comes last.
    let said = text("detail").split_once(". Output: ").filter(|_| text("summary").contains("provisioner error"));
    let detail = said.map_or(text("detail"), |(_, output)| output.trim());
    if !detail.is_empty() {
        out.push_str(": ");
        out.push_str(detail);
    }
    let range = &diagnostic["range"];
    let place = match (text("address"), range["filename"].as_str(), range["start"]["line"].as_u64()) {
        ("", None, _) => None,
        ("", Some(file), line) => Some(format!("{file} line {}", line.unwrap_or_default())),
        (address, None, _) => Some(address.to_owned()),
        (address, Some(file), line) => Some(format!("{address}, {file} line {}", line.unwrap_or_default())),
    };
    if let Some(place) = place {
        out.push_str(&format!(" ({place})"));
    }
    out
}

/// Terraform draws boxes around errors on a terminal; without them, the text.
fn plain_error(stderr: &str) -> String {
    let lines: Vec<&str> = stderr
        .lines()
        .map(|line| line.trim_start_matches(['│', '╷', '╵', ' ']).trim_end())
        .filter(|line| !line.is_empty())
        .collect();
    let from = lines.iter().position(|line| line.starts_with("Error")).unwrap_or(lines.len().saturating_sub(20));
    let text = lines[from..].join("\n");
    if text.is_empty() { "terraform ended with an error and said nothing".to_owned() } else { text }
}
