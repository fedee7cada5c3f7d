//! Workspaces, runs and observations to put before the rules; every time is on one day.

use std::sync::LazyLock;

use captd::domain::document::{Document, parse};
use captd::domain::failure::{Class, Failure};
use captd::domain::name::Name;
use captd::domain::needs::Standing;
use captd::domain::observation::Observation;
use captd::domain::plan::Summary;
use captd::domain::problem::Problems;
use captd::domain::ratchet::{Texts, find, judge};
use captd::domain::resource::ResourceKind;
use captd::domain::run::{Begun, Ended, Kind, Outcome, Planned, Run, State, Trigger};
use captd::domain::workspace::Workspace;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

/// Needs nobody, and nobody needs it.
pub(super) static ALONE: LazyLock<Standing> = LazyLock::new(Standing::default);

/// `12:30` of that day.
pub(super) fn at(time: &str) -> Timestamp {
    format!("2026-01-01T{time}:00Z").parse().unwrap()
}

pub(super) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A workspace at `generation` that nothing was ever seen of.
pub(super) fn unseen(generation: u64) -> Workspace {
    Workspace {
        uid: Uuid::nil(),
        namespace: name("default"),
        kind: ResourceKind::Machine,
        name: name("workers"),
        generation,
        cluster: "aws/default/eu-central-1/demo".to_owned(),
        paused: false,
        deleting_since: None,
        observation: None,
        diverged: None,
        in_doubt: None,
        observe_at: None,
        mended_at: None,
        template: None,
    }
}

/// The same, seen `ACTIVE` with two nodes at 12:00; its next look is due at 12:10.
pub(super) fn seen(generation: u64) -> Workspace {
    Workspace { observation: Some(active(generation)), observe_at: Some(at("12:10")), ..unseen(generation) }
}

/// Two nodes, seen at 12:00, serving since 10:00; `generation` is in force.
pub(super) fn active(generation: u64) -> Observation {
    Observation {
        at: at("12:00"),
        run: Uuid::nil(),
        generation,
        outputs: outputs("ACTIVE", 2),
        watched: serde_json::Map::new(),
        drift: Vec::new(),
        drift_since: None,
        status: captd::domain::observation::StatusOutput::default(),
        failed_checks: Vec::new(),
        checks_failed_since: None,
        serves_since: at("10:00"),
        scaled_at: None,
        applied_at: Some(at("10:00")),
        misses: 0,
        unknown_since: None,
    }
}

pub(super) fn outputs(status: &str, size: u64) -> serde_json::Map<String, Value> {
    json!({"status": status, "current_size": size}).as_object().unwrap().clone()
}

/// A run of `kind` for `generation`, queued at 09:00.
pub(super) fn run(kind: Kind, generation: u64, state: State) -> Run {
    Run {
        id: Uuid::from_u128(1),
        kind,
        workspace: Uuid::nil(),
        namespace: name("default"),
        owner: ResourceKind::Machine,
        name: name("workers"),
        generation,
        trigger: Trigger::Spec,
        attempt: 1,
        author: "admin".to_owned(),
        created_at: at("09:00"),
        wish: None,
        stop: None,
        state,
        steps: Vec::new(),
        inputs: None,
        revision: None,
    }
}

/// A run that began at 09:01 and ended at 10:00.
pub(super) fn ended(kind: Kind, generation: u64, outcome: Outcome) -> Run {
    let ended = Ended { begun_at: Some(at("09:01")), summary: None, approval: None, at: at("10:00"), outcome };
    run(kind, generation, State::Ended(ended))
}

/// Failed for being too fast, tried again at `retry_at`.
pub(super) fn failed(retry_at: Option<&str>) -> Outcome {
    let failure = Failure::with_remedy(Class::Throttling, "Rate exceeded", "Wait.");
    Outcome::Failed { failure, retry_at: retry_at.map(at) }
}

pub(super) fn begun() -> Begun {
    Begun { at: at("09:01") }
}

/// A plan that creates one thing.
pub(super) fn planned() -> Planned {
    let summary = Summary { create: 1, ..Summary::default() };
    Planned { begun_at: at("09:01"), summary, approval: None }
}

/// All that is wrong with a document that is written for the first time.
pub(super) fn problems_of(value: &Value) -> Problems {
    let mut problems = Problems::default();
    let read = parse(value, "", &mut problems);
    if let (true, Some(Document::Resource(declared, spec))) = (problems.is_empty(), read) {
        let texts = Texts { labels: &declared.labels, annotations: &declared.annotations };
        problems = judge(find(texts, Some(&spec), &[], ""), &[], false).problems;
    }
    problems
}
