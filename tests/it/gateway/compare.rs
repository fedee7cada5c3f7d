//! What two runs of the same command said, compared field by field: times, and ids that were given
//! by chance, aside.

use serde_json::{Map, Value, json};

/// Characters of an id by chance, beginning with one of these, as AWS and moto make them.
const ID_BEGINNINGS: &[&str] = &["AROA", "sg-", "subnet-", "vpc-", "eks-"];
/// Fields that hold a time, or follow from one.
const TIMES: &[&str] = &["@timestamp", "timestamp", "elapsed_seconds", "serial", "lineage"];
/// Fields whose order is chance.
const SETS: &[&str] = &["relevant_attributes", "sensitive_attributes"];
/// Events that say how long something takes, in a sentence.
const HOOKS: &[&str] = &["apply_start", "apply_complete", "apply_errored", "refresh_start", "refresh_complete"];

/// The events of a command's `-json` log that two equal commands have in common, in an order of
/// their own: terraform works at several things at once.
pub fn events(stdout: &str, aside: &[(&str, &str)]) -> Value {
    let events = stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .filter(|event| event["type"] != "apply_progress")
        .map(|mut event| {
            if HOOKS.iter().any(|hook| event["type"] == *hook) {
                event.as_object_mut().unwrap().remove("@message");
            }
            settled(&event, aside)
        });
    sorted(events.collect())
}

/// A list in the order of what is in it.
pub fn sorted(mut list: Value) -> Value {
    if let Some(items) = list.as_array_mut() {
        items.sort_by_key(Value::to_string);
    }
    list
}

/// Errors and warnings among events.
pub fn diagnostics(events: &Value) -> Vec<String> {
    let events = events.as_array().unwrap().iter().filter(|event| event["type"] == "diagnostic");
    events.map(|event| event["@message"].as_str().unwrap().to_owned()).collect()
}

/// A document without what differs by chance; `aside` has texts and what stands for them.
pub fn settled(value: &Value, aside: &[(&str, &str)]) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(name, _)| !TIMES.contains(&name.as_str()));
            let fields = fields.map(|(name, value)| {
                let value = settled(value, aside);
                (name.clone(), if SETS.contains(&name.as_str()) { sorted(value) } else { value })
            });
            fields.collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(|item| settled(item, aside)).collect(),
        Value::String(text) => json!(settled_text(text, aside)),
        other => other.clone(),
    }
}

fn settled_text(text: &str, aside: &[(&str, &str)]) -> String {
    // JSON in JSON: policies, and what Terraform keeps for providers.
    if let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str::<Value>(text) {
        return settled(&inner, aside).to_string();
    }
    let replaced = aside.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    if is_time(&replaced) {
        return "<time>".to_owned();
    }
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let words = replaced.split_inclusive(|c: char| !is_of_word(c));
    words
        .map(|piece| {
            let word = piece.trim_end_matches(|c: char| !is_of_word(c));
            if is_by_chance(word) { format!("<id>{}", &piece[word.len()..]) } else { piece.to_owned() }
        })
        .collect()
}

/// `2026-11-24T20:55:54Z`, and Go's `2026-11-24 20:55:54 +0000 UTC`.
fn is_time(text: &str) -> bool {
    let shape: String = text.chars().take(16).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00" || shape == "0000-00-00 00:00"
}

fn is_by_chance(word: &str) -> bool {
    let shape: Vec<usize> = word.split('-').map(str::len).collect();
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let ends_with_uuid = shape.ends_with(&[8, 4, 4, 4, 12]) && word.len() >= 36 && is_hex(&word[word.len() - 36..]);
    let is_id = |beginning: &&str| word.strip_prefix(*beginning).is_some_and(|rest| rest.len() >= 8 && has_digit(rest));
    ends_with_uuid || ID_BEGINNINGS.iter().any(is_id)
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Every field in which two documents differ: `path: this | that`.
pub fn differences(at: &str, one: &Value, other: &Value) -> Vec<String> {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            let absent = json!("(absent)");
            let of = |fields: &Map<String, Value>, name: &str| fields.get(name).unwrap_or(&absent).clone();
            names.flat_map(|name| differences(&format!("{at}/{name}"), &of(one, name), &of(other, name))).collect()
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let pairs = one.iter().zip(other).enumerate();
            pairs.flat_map(|(n, (one, other))| differences(&format!("{at}/{n}"), one, other)).collect()
        }
        _ if one == other => Vec::new(),
        _ => vec![format!("{at}: {one} | {other}")],
    }
}
