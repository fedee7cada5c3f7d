//! The architecture: which rooms there are, what each is for, and that imports only ever lead downstairs.

use syn::Item;
use syn::spanned::Spanned;

use super::paths::{NamedPath, paths};
use super::{Source, Violation};

/// The house: (floor, room, charter). A room imports from lower floors only; neighbours do not know each other.
#[rustfmt::skip]
pub(super) const HOUSE: &[(u8, &str, &str)] = &[
    (9, "main",       "parse, run, exit code"),

    (8, "cli",        "one file per command; the client commands speak only HTTP"),

    (7, "app",        "composition root: what is started, in which order, and how it drains"),

    (6, "http",       "the JSON API: one file per resource, wire types, one map from errors to statuses"),
    (6, "web",        "pages: typed page context → template → HTML"),

    (5, "reconciler", "tick or wake → snapshot → decide → enqueue; no input, one path"),
    (5, "queue",      "claim, lease, heartbeat, limits, cancel, rescue"),

    (4, "service",    "the use cases: the only door for http, web and reconciler"),
    (4, "runner",     "one run from end to end, returns an outcome; knows no database and no HTTP"),

    (3, "store",      "the only place with SQL"),
    (3, "render",     "(template revision, values) → map of file → text; pure but for one materialise"),
    (3, "terraform",  "argv, environment, events, plan and state: what Terraform is told and what it says"),
    (3, "supervisor", "the small process that owns one terraform and outlives the daemon"),

    (2, "config",     "one file per section; every problem listed at once"),
    (2, "telemetry",  "what the daemon tells its operator"),

    (1, "domain",     "nouns and rules: no async, no I/O, no clock but the one handed in"),
];

/// The ground it stands on: (crate below `crates/`, the rooms that may know it, charter).
#[rustfmt::skip]
pub(super) const GROUND: &[(&str, &[&str], &str)] = &[
    ("gateway", &["supervisor", "runner", "service", "http", "app", "cli"], "warm provider processes, shared safely between runs"),
    ("dependencies", &["service"], "who needs whom: orders, circles, what may begin"),
    ("policy", &["render", "service"], "what a template may do: providers, module sources, provisioners, files"),
    ("fields", &["domain", "capt"], "reading what people write, field by field, with every problem at once"),
    ("capt", &["config", "render", "service"], "CAPT's manifests, turned into captd's own declarations"),
    ("variables", &["domain", "render", "service", "http", "capt"], "what a template declares that it takes and gives: types, and whether a value fits"),
    ("process", &["supervisor", "gateway"], "processes that outlive whoever started them: told apart, confined, ended"),
];

fn floor(room: &str) -> Option<u8> {
    HOUSE.iter().find(|(_, name, _)| *name == room).map(|(floor, ..)| *floor)
}

pub(super) fn floors(source: &Source) -> Vec<Violation> {
    let Some(modules) = source.below_src().map(module_path) else {
        return Vec::new();
    };
    let room = modules[0].as_str();
    if room == "lib" {
        return only_modules(source);
    }
    let Some(own) = floor(room) else {
        let what = format!("the room `{room}` is not in the house");
        return vec![source.violation(1, what, "move it into a room, or give it a floor in tests/it/tidy/floors.rs")];
    };
    let mut found = Vec::new();
    for path in paths(&source.tokens) {
        let Some(target) = target_room(&path, &modules) else {
            continue;
        };
        match floor(target) {
            None if target == room => {}
            None => found.push(source.violation(
                path.line,
                format!("`{path}` names no room of the house"),
                "name what is imported with the room it lives in: crate::<room>::…",
            )),
            Some(other) if target == room || other < own => {}
            Some(other) => found.push(source.violation(
                path.line,
                format!("{room} (floor {own}) imports {target} (floor {other})"),
                "move what is shared to a lower floor, or have a higher one hand it in",
            )),
        }
    }
    found
}

/// The modules a file stands for: `http/runs.rs` is `http`, `runs`; `http/mod.rs` is `http`.
fn module_path(file: &str) -> Vec<String> {
    let mut modules: Vec<String> = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if modules.len() > 1 && modules.last().is_some_and(|name| name == "mod") {
        modules.pop();
    }
    modules
}

/// The room a path of the file at `modules` leads to; nothing for another crate's, or for one inside its own room.
fn target_room<'path>(path: &'path NamedPath, modules: &[String]) -> Option<&'path str> {
    let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["crate", target, ..] => Some(target),
        ["captd", target, ..] if modules[0] == "main" => Some(target),
        ["self", rest @ ..] | rest => {
            let up = rest.iter().take_while(|segment| **segment == "super").count();
            let leaves_the_room = up > 0 && up == modules.len() + path.inline_modules;
            rest.get(up).copied().filter(|_| leaves_the_room)
        }
    }
}

/// Rooms and crates that name a crate which is not for them.
pub(super) fn ground(source: &Source) -> Vec<Violation> {
    let room = source.below_src().map(|file| module_path(file).swap_remove(0));
    let Some(own) = room.as_deref().or(source.in_crate()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for path in paths(&source.tokens) {
        let Some(name) = path.segments.first().and_then(|first| first.strip_prefix("captd_")) else {
            continue;
        };
        let known = GROUND.iter().find(|(known, ..)| *known == name);
        if known.is_none_or(|(_, by, _)| !by.contains(&own)) {
            found.push(source.violation(
                path.line,
                format!("{own} names the crate {name} (`{path}`)"),
                "go through a room that may know it, or say in tests/it/tidy/floors.rs why this one may",
            ));
        }
    }
    found
}

fn only_modules(source: &Source) -> Vec<Violation> {
    let declares = |item: &Item| matches!(item, Item::Mod(module) if module.content.is_none());
    let others = source.items.items.iter().filter(|item| !declares(item));
    others
        .map(|item| {
            let what = "lib.rs holds more than docs, attributes and `mod` declarations";
            source.violation(item.span().start().line, what, "move it into a room")
        })
        .collect()
}
