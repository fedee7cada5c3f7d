//! The columns in which `get` and `describe` show machines, workspaces, namespaces, templates and runs.
//!
//! **Invariant:** pure; a field that is missing is a `-`.

use jiff::Timestamp;
use serde_json::Value;

use super::target::Kind;
use super::times;

/// How much is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// All columns.
    pub(super) wide: bool,
    /// The namespace first.
    pub(super) namespace: bool,
}

/// A column: its head, whether it is for `wide` only, and its cell.
type Column = (&'static str, bool, fn(&Value, Timestamp) -> String);

const MACHINES: &[Column] = &[
    ("NAME", false, |v, _| text(v, "/metadata/name")),
    ("PHASE", false, |v, _| text(v, "/status/phase")),
    ("READY", false, |v, _| condition(v, "Ready", "status")),
    ("SIZE", false, |v, _| {
        let desired = text(v, "/spec/nodeGroupConfig/scaling/desiredSize");
        format!("{}/{desired}", text(v, "/status/currentSize"))
    }),
    ("INSTANCE", false, |v, _| instance(v)),
    ("GENERATION", false, |v, _| generation(v)),
    ("AGE", false, |v, now| age(v, "/metadata/creationTimestamp", now)),
    ("CLUSTER", true, |v, _| text(v, "/spec/clusterName")),
    ("TEMPLATE", true, |v, _| text(v, "/spec/workspaceTemplateRef/name")),
    ("RUN", true, |v, _| text(v, "/status/latestRun/id")),
    ("MESSAGE", true, |v, _| message(v)),
];

const WORKSPACES: &[Column] = &[
    ("NAME", false, |v, _| text(v, "/metadata/name")),
    ("PHASE", false, |v, _| text(v, "/status/phase")),
    ("READY", false, |v, _| condition(v, "Ready", "status")),
    ("TEMPLATE", false, |v, _| text(v, "/spec/workspaceTemplateRef/name")),
    ("GENERATION", false, |v, _| generation(v)),
    ("AGE", false, |v, now| age(v, "/metadata/creationTimestamp", now)),
    ("REGION", true, |v, _| text(v, "/spec/region")),
    ("RUN", true, |v, _| text(v, "/status/latestRun/id")),
    ("MESSAGE", true, |v, _| message(v)),
];

const NAMESPACES: &[Column] = &[
    ("NAME", false, |v, _| text(v, "/metadata/name")),
    ("MACHINES", false, |v, _| text(v, "/status/machines")),
    ("WORKSPACES", false, |v, _| text(v, "/status/workspaces")),
    ("NODES-MAX", false, |v, _| text(v, "/status/nodesMax")),
    ("AGE", false, |v, now| age(v, "/metadata/creationTimestamp", now)),
    ("REGION", true, |v, _| text(v, "/spec/defaults/region")),
    ("CLUSTER", true, |v, _| text(v, "/spec/defaults/clusterName")),
    ("PROVIDERS", true, |v, _| texts(v, "/spec/providerConfigs")),
];

const TEMPLATES: &[Column] = &[
    ("NAME", false, |v, _| text(v, "/name")),
    ("REVISION", false, |v, _| text(v, "/revision").chars().take(12).collect()),
    ("PROVIDER", false, |v, _| text(v, "/provider")),
    ("DESCRIPTION", false, |v, _| text(v, "/description")),
    ("PROTECTS", true, |v, _| texts(v, "/protects")),
];

const RUNS: &[Column] = &[
    ("ID", false, |v, _| text(v, "/id")),
    ("KIND", false, |v, _| text(v, "/kind")),
    ("OWNER", false, |v, _| format!("{}/{}", text(v, "/owner/kind").to_ascii_lowercase(), text(v, "/owner/name"))),
    ("GENERATION", false, |v, _| text(v, "/generation")),
    ("STATE", false, |v, _| text(v, "/state")),
    ("CHANGES", false, |v, _| changes(v)),
    ("AGE", false, |v, now| age(v, "/createdAt", now)),
    ("DURATION", false, duration),
    ("TRIGGER", true, |v, _| text(v, "/trigger")),
    ("ATTEMPT", true, |v, _| text(v, "/attempt")),
    ("AUTHOR", true, |v, _| text(v, "/author")),
    ("MESSAGE", true, |v, _| text(v, "/failure/message")),
];

const RETAINED: &[Column] = &[
    ("KIND", false, |v, _| text(v, "/kind").to_ascii_lowercase()),
    ("NAME", false, |v, _| text(v, "/metadata/name")),
    ("TEMPLATE", false, |v, _| text(v, "/spec/workspaceTemplateRef/name")),
    ("SINCE", false, |v, now| age(v, "/metadata/deletionTimestamp", now)),
    ("PROVIDER", true, |v, _| text(v, "/spec/providerConfigRef/name")),
    ("REGION", true, |v, _| text(v, "/spec/region")),
];

/// Columns whose cells change with the time alone.
const TIMED: [&str; 3] = ["AGE", "DURATION", "SINCE"];

fn all(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::Machines => MACHINES,
        Kind::Workspaces => WORKSPACES,
        Kind::Namespaces => NAMESPACES,
        Kind::Templates => TEMPLATES,
        Kind::Runs => RUNS,
        Kind::Retained => RETAINED,
    }
}

fn shown(kind: Kind, extent: Extent) -> impl Iterator<Item = &'static Column> {
    all(kind).iter().filter(move |(_, wide_only, _)| extent.wide || !wide_only)
}

/// The heads.
pub(super) fn header(kind: Kind, extent: Extent) -> Vec<&'static str> {
    let namespace = extent.namespace.then_some("NAMESPACE");
    namespace.into_iter().chain(shown(kind, extent).map(|(head, ..)| *head)).collect()
}

/// The cells of one item.
pub(super) fn row(kind: Kind, extent: Extent, item: &Value, now: Timestamp) -> Vec<String> {
    let namespace = extent.namespace.then(|| namespace(kind, item));
    namespace.into_iter().chain(shown(kind, extent).map(|(.., cell)| cell(item, now))).collect()
}

/// What must differ for a row to be news: its cells, but for those that change with the time.
pub(super) fn essence(kind: Kind, extent: Extent, item: &Value, now: Timestamp) -> Vec<String> {
    let timeless = shown(kind, extent).filter(|(head, ..)| !TIMED.contains(head));
    timeless.map(|(.., cell)| cell(item, now)).collect()
}

/// The row of something that is gone.
pub(super) fn farewell(kind: Kind, extent: Extent, item: &Value, now: Timestamp) -> Vec<String> {
    let cells = header(kind, extent).into_iter().zip(row(kind, extent, item, now));
    cells.map(|(head, cell)| if head == "AGE" { "deleted".to_owned() } else { cell }).collect()
}

/// Namespace and name, or id: what an item is known by.
pub(super) fn key(kind: Kind, item: &Value) -> String {
    let name = match kind {
        Kind::Machines | Kind::Workspaces | Kind::Namespaces => text(item, "/metadata/name"),
        Kind::Retained => format!("{}.{}", text(item, "/kind").to_ascii_lowercase(), text(item, "/metadata/name")),
        Kind::Templates => text(item, "/name"),
        Kind::Runs => text(item, "/id"),
    };
    format!("{}/{name}", namespace(kind, item))
}

fn namespace(kind: Kind, item: &Value) -> String {
    text(item, if kind == Kind::Runs { "/namespace" } else { "/metadata/namespace" })
}

fn text(item: &Value, pointer: &str) -> String {
    match item.pointer(pointer) {
        Some(Value::String(text)) if !text.is_empty() => text.clone(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        _ => "-".to_owned(),
    }
}

fn texts(item: &Value, pointer: &str) -> String {
    let list = item.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let words: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}

fn time(item: &Value, pointer: &str) -> Option<Timestamp> {
    item.pointer(pointer)?.as_str()?.parse().ok()
}

fn age(item: &Value, pointer: &str, now: Timestamp) -> String {
    time(item, pointer).map_or_else(|| "-".to_owned(), |at| times::age(at, now))
}

fn condition<'a>(machine: &'a Value, condition_type: &str, field: &str) -> String {
    let conditions = machine.pointer("/status/conditions").and_then(Value::as_array);
    let found = conditions.into_iter().flatten().find(|one: &&'a Value| one["type"] == condition_type);
    found.map_or_else(|| "-".to_owned(), |one| text(one, &format!("/{field}")))
}

/// `t3.medium`, or `t3.medium+2` when two more are allowed; `(wanted)` while another declaration is in force.
fn instance(machine: &Value) -> String {
    let config = &machine["spec"]["nodeGroupConfig"];
    let list = config["instanceTypes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut types = config["instanceType"].as_str().into_iter().chain(list.iter().filter_map(Value::as_str));
    let Some(first) = types.next() else { return "-".to_owned() };
    let more = match types.count() {
        0 => String::new(),
        more => format!("+{more}"),
    };
    let wanted = if earlier_in_force(machine).is_some() { " (wanted)" } else { "" };
    format!("{first}{more}{wanted}")
}

/// `3`, or `3 (2 in force)`.
fn generation(item: &Value) -> String {
    let wanted = text(item, "/metadata/generation");
    earlier_in_force(item).map_or_else(|| wanted.clone(), |earlier| format!("{wanted} ({earlier} in force)"))
}

/// The generation that is in force, where that is not the one that is declared.
fn earlier_in_force(item: &Value) -> Option<u64> {
    let number = |pointer: &str| item.pointer(pointer).and_then(Value::as_u64);
    let (in_force, wanted) = (number("/status/observedGeneration")?, number("/metadata/generation")?);
    (in_force > 0 && in_force < wanted).then_some(in_force)
}

/// Why it is not as declared, if it is not.
fn message(machine: &Value) -> String {
    let failure = text(machine, "/status/failureMessage");
    if failure != "-" {
        return failure;
    }
    let ailing = ["Synced", "Ready"].into_iter().find(|name| condition(machine, name, "status") != "True");
    ailing.map_or_else(|| "-".to_owned(), |name| condition(machine, name, "message"))
}

/// `+3 ~1 -/+1 -2 =>1 ->1 .1 outputs:2`, without what is 0.
fn changes(run: &Value) -> String {
    let Some(summary) = run["summary"].as_object() else { return "-".to_owned() };
    let count = |name: &str| summary.get(name).and_then(Value::as_u64).unwrap_or_default();
    let parts = [
        ("+", "create"),
        ("~", "update"),
        ("-/+", "replace"),
        ("-", "delete"),
        ("=>", "import"),
        ("->", "move"),
        (".", "forget"),
        ("outputs:", "outputs"),
    ];
    let words: Vec<String> =
        parts.iter().filter(|(_, name)| count(name) > 0).map(|(sign, name)| format!("{sign}{}", count(name))).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(" ") }
}

fn duration(run: &Value, now: Timestamp) -> String {
    let end = time(run, "/finishedAt").unwrap_or(now);
    time(run, "/startedAt").map_or_else(|| "-".to_owned(), |begun| times::took(end.duration_since(begun).as_millis()))
}
