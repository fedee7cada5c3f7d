//! A saved plan in JSON (`terraform show -json`) read into the domain's plan, sensitive values
//! masked on the way; and whether Terraform would apply it.
//!
//! **Invariant:** whether a plan is applied is never worked out from what it lists, but where a Terraform of before 1.8 was
//! asked by a captd of before.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::domain::adoption::{Found, Tainted};
use crate::domain::outputs::visible;
use crate::domain::plan::{Action, AttributeChange, MASK, Plan, ResourceChange, Summary};

/// A plan, and the outputs that it knows already.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The plan.
    pub plan: Plan,
    /// Outputs after it, without the sensitive ones.
    pub outputs: Map<String, Value>,
    /// What it would import, as it is in the cloud.
    pub found: Vec<Found>,
    /// What it would replace because it is marked as tainted, as it is in the cloud.
    pub tainted: Vec<Tainted>,
    /// Keys of tags that others have put on what it would change in place, and that it would take away.
    pub foreign_tags: BTreeSet<String>,
}

impl Shown {
    /// A plan that changes nothing, where the outputs are these.
    #[must_use]
    pub fn nothing(outputs: Map<String, Value>) -> Self {
        let plan = Plan { applyable: Some(false), ..Plan::default() };
        Self { plan, outputs, found: Vec::new(), tainted: Vec::new(), foreign_tags: BTreeSet::new() }
    }
}

/// The text is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`show -json` answered no plan: {0}")]
pub struct NotAPlan(String);

/// Reads a plan.
///
/// # Errors
/// When the text is no plan.
pub fn parse(text: &str) -> Result<Shown, NotAPlan> {
    let value: Value = serde_json::from_str(text).map_err(|error| NotAPlan(error.to_string()))?;
    if value.get("format_version").is_none() {
        return Err(NotAPlan("it has no format_version".to_owned()));
    }
    let list = |name: &str| value[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let resources: Vec<ResourceChange> = list("resource_changes").iter().filter_map(resource).collect();
    let drift = list("resource_drift").iter().filter(|r| r["mode"] == "managed").filter_map(resource);
    // An address that is another one is no drift.
    let drift = drift.filter(|resource| resource.action != Action::Move).collect();
    let mut summary = summarise(&resources);
    let mut outputs = Vec::new();
    for (name, change) in value["output_changes"].as_object().into_iter().flatten() {
        if action(&change["actions"]).is_some() {
            summary.outputs += 1;
            output(name, change, &mut outputs);
        }
    }
    let known = value["planned_values"]["outputs"].as_object().map(visible);
    let deferred = list("deferred_changes").iter().filter_map(deferred).collect();
    let failed_checks = list("checks").iter().filter_map(failed_check).collect();
    let applyable = value["applyable"].as_bool();
    Ok(Shown {
        plan: Plan {
            applyable,
            summary,
            resources,
            outputs,
            drift,
            failed_checks,
            deferred,
            not_looked_for: Vec::new(),
        },
        outputs: known.unwrap_or_default(),
        found: list("resource_changes").iter().filter_map(found).collect(),
        tainted: list("resource_changes").iter().filter(|resource| is_tainted(resource)).filter_map(tainted).collect(),
        foreign_tags: foreign_tags(list("resource_drift"), list("resource_changes")),
    })
}

/// Keys of tags that stand in no state of Terraform's, were found on a resource, and would be taken away with the plan.
fn foreign_tags(drift: &[Value], changes: &[Value]) -> BTreeSet<String> {
    let mut foreign = BTreeSet::new();
    for change in changes.iter().filter(|change| change["change"]["actions"] == serde_json::json!(["update"])) {
        let found = drift.iter().filter(|found| found["address"] == change["address"]);
        let put: BTreeSet<String> = found
            .flat_map(|found| &tag_keys(&found["change"]["after"]) - &tag_keys(&found["change"]["before"]))
            .collect();
        foreign.extend(&put - &tag_keys(&change["change"]["after"]));
    }
    foreign
}

/// The keys of a resource's tags: of the map `tags`, or of blocks `tag` as an Auto Scaling group has them.
fn tag_keys(resource: &Value) -> BTreeSet<String> {
    let of_map = resource["tags"].as_object().into_iter().flat_map(|tags| tags.keys().cloned());
    let of_blocks = resource["tag"].as_array().into_iter().flatten();
    of_map.chain(of_blocks.filter_map(|tag| tag["key"].as_str().map(str::to_owned))).collect()
}

/// Whether a plan is to be applied. `exit` is the word of `plan -detailed-exitcode`, which is the truth; none of a plan
/// that was begun without it. What `show` says of the same plan must agree, where it says it: what only one of them calls
/// a change is applied too, since a plan that does nothing harms nobody, and one that is dropped does.
#[must_use]
pub fn is_applied(exit: Option<bool>, plan: &Plan) -> bool {
    match (exit, plan.applyable) {
        (None, None) => plan.lists_changes(),
        (exit, said) => exit.unwrap_or_default() || said.unwrap_or_default(),
    }
}

fn summarise(resources: &[ResourceChange]) -> Summary {
    let mut summary = Summary::default();
    for resource in resources {
        match resource.action {
            Action::Create => summary.create += 1,
            Action::Update => summary.update += 1,
            Action::Replace => summary.replace += 1,
            Action::Delete => summary.delete += 1,
            Action::Forget => summary.forget += 1,
            Action::Read | Action::Import | Action::Move => {}
        }
        summary.import += u32::from(resource.import_id.is_some());
        summary.moved += u32::from(resource.previous_address.is_some());
        summary.deposed += u32::from(resource.action == Action::Delete && resource.deposed.is_some());
    }
    summary
}

/// What changes of an output: where no value does, whether it is sensitive.
fn output(name: &str, change: &Value, out: &mut Vec<AttributeChange>) {
    let walk = Walk::of(change);
    let before = out.len();
    walk.compare(name, out);
    if out.len() == before {
        out.push(walk.whole(name));
    }
}

/// `create aws_vpc.this (resource config unknown)`.
fn deferred(value: &Value) -> Option<String> {
    let change = &value["resource_change"];
    let verb = action(&change["change"]["actions"]).map_or("change", Action::as_str);
    let why = value["reason"].as_str().unwrap_or("not known").replace('_', " ");
    Some(format!("{verb} {} ({why})", change["address"].as_str()?))
}

/// `check.name: what it says`, of one that does not hold or cannot be looked at.
fn failed_check(value: &Value) -> Option<String> {
    let address = value["address"]["to_display"].as_str()?;
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let problems = list(value, "instances").into_iter().flat_map(|instance| list(&instance, "problems"));
    let messages: Vec<String> =
        problems.filter_map(|problem| Some(problem["message"].as_str()?.trim().to_owned())).collect();
    crate::domain::state::failed_check(address, value["status"].as_str()?, &messages)
}

fn resource(value: &Value) -> Option<ResourceChange> {
    let change = &value["change"];
    let import_id = change["importing"]["id"].as_str();
    let previous_address = value["previous_address"].as_str();
    let stays = import_id.map(|_| Action::Import).or(previous_address.map(|_| Action::Move));
    let action = action(&change["actions"]).or(stays)?;
    let mut changes = Vec::new();
    if matches!(action, Action::Create | Action::Update | Action::Replace) {
        Walk::of(change).compare("", &mut changes);
    }
    let reason = value["action_reason"].as_str();
    let paths = change["replace_paths"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut replace_because: Vec<String> = paths.iter().map(path_text).collect();
    if replace_because.is_empty() && action == Action::Replace {
        replace_because.extend(reason.map(|reason| reason.replace('_', " ")));
    }
    Some(ResourceChange {
        address: value["address"].as_str()?.to_owned(),
        resource_type: value["type"].as_str()?.to_owned(),
        action,
        replace_because,
        previous_address: previous_address.map(str::to_owned),
        deposed: value["deposed"].as_str().map(str::to_owned),
        import_id: import_id.map(str::to_owned),
        tainted: is_tainted(value),
        changes,
    })
}

fn is_tainted(resource: &Value) -> bool {
    resource["action_reason"] == "replace_because_tainted"
}

fn found(resource: &Value) -> Option<Found> {
    let change = &resource["change"];
    Some(Found {
        address: resource["address"].as_str()?.to_owned(),
        id: change["importing"]["id"].as_str()?.to_owned(),
        attributes: change["before"].clone(),
    })
}

fn tainted(resource: &Value) -> Option<Tainted> {
    let address = resource["address"].as_str()?.to_owned();
    Some(Tainted { address, attributes: resource["change"]["before"].clone() })
}

fn action(actions: &Value) -> Option<Action> {
    let words: Vec<&str> = actions.as_array()?.iter().filter_map(Value::as_str).collect();
    match words.as_slice() {
        [] | ["no-op"] => None,
        ["create"] => Some(Action::Create),
        ["update"] => Some(Action::Update),
        ["delete"] => Some(Action::Delete),
        ["read"] => Some(Action::Read),
        ["forget"] => Some(Action::Forget),
        // Made anew, whatever becomes of what was there; and what a later Terraform may call otherwise is seen by a person.
        _ => Some(Action::Replace),
    }
}

/// `["scaling_config", 0, "desired_size"]` → `scaling_config[0].desired_size`.
fn path_text(path: &Value) -> String {
    path.as_array().into_iter().flatten().fold(String::new(), |path, part| match part {
        Value::String(name) => field(&path, name),
        other => format!("{path}[{other}]"),
    })
}

fn field(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// One node of a change, with what Terraform says about it.
#[derive(Clone, Copy)]
struct Walk<'v> {
    before: &'v Value,
    after: &'v Value,
    unknown: &'v Value,
    before_sensitive: &'v Value,
    after_sensitive: &'v Value,
}

impl<'v> Walk<'v> {
    fn of(change: &'v Value) -> Self {
        Self {
            before: &change["before"],
            after: &change["after"],
            unknown: &change["after_unknown"],
            before_sensitive: &change["before_sensitive"],
            after_sensitive: &change["after_sensitive"],
        }
    }

    /// Adds what differs at and below this node.
    fn compare(self, path: &str, out: &mut Vec<AttributeChange>) {
        let unknown = self.unknown == &Value::Bool(true);
        let sensitive = [self.before_sensitive, self.after_sensitive].contains(&&Value::Bool(true));
        if !unknown && self.before == self.after && !is_any(self.unknown) {
            return;
        }
        let deeper =
            self.before.is_object() || self.after.is_object() || self.before.is_array() || self.after.is_array();
        if deeper && !sensitive && !unknown {
            for part in self.parts() {
                self.at(&part).compare(&part.append_to(path), out);
            }
            return;
        }
        out.push(self.whole(path));
    }

    /// This node as one change.
    fn whole(self, path: &str) -> AttributeChange {
        let unknown = self.unknown == &Value::Bool(true);
        // What is secret on one side is not told on the other.
        let masks = [self.before_sensitive, self.after_sensitive];
        AttributeChange {
            path: path.to_owned(),
            before: masked(self.before, masks),
            after: if unknown { Value::Null } else { masked(self.after, masks) },
            sensitive: masks.into_iter().any(is_any),
            unknown,
        }
    }

    fn parts(self) -> Vec<Part> {
        let mut names = std::collections::BTreeSet::new();
        let mut length = 0;
        for value in [self.before, self.after, self.unknown] {
            match value {
                Value::Object(object) => names.extend(object.keys().cloned()),
                Value::Array(items) => length = length.max(items.len()),
                _ => {}
            }
        }
        names.into_iter().map(Part::Name).chain((0..length).map(Part::Index)).collect()
    }

    fn at(self, part: &Part) -> Self {
        Self {
            before: part.of(self.before),
            after: part.of(self.after),
            unknown: part.of_mask(self.unknown),
            before_sensitive: part.of_mask(self.before_sensitive),
            after_sensitive: part.of_mask(self.after_sensitive),
        }
    }
}

enum Part {
    Name(String),
    Index(usize),
}

impl Part {
    fn of<'v>(&self, value: &'v Value) -> &'v Value {
        let part = match self {
            Self::Name(name) => value.get(name),
            Self::Index(index) => value.get(index),
        };
        part.unwrap_or(&Value::Null)
    }

    /// The part of a mask, whose plain `true` holds for all below it.
    fn of_mask<'v>(&self, mask: &'v Value) -> &'v Value {
        if mask == &Value::Bool(true) { mask } else { self.of(mask) }
    }

    fn append_to(&self, path: &str) -> String {
        match self {
            Self::Name(name) => field(path, name),
            Self::Index(index) => format!("{path}[{index}]"),
        }
    }
}

/// Whether a mask holds for anything.
fn is_any(mask: &Value) -> bool {
    match mask {
        Value::Bool(holds) => *holds,
        Value::Object(object) => object.values().any(is_any),
        Value::Array(items) => items.iter().any(is_any),
        _ => false,
    }
}

/// A value without what one of its masks holds for.
fn masked(value: &Value, masks: [&Value; 2]) -> Value {
    let below = |part: Part, value: &Value| masked(value, masks.map(|mask| part.of_mask(mask)));
    match value {
        Value::Null => Value::Null,
        _ if masks.contains(&&Value::Bool(true)) => Value::from(MASK),
        Value::Object(object) => {
            object.iter().map(|(name, value)| (name.clone(), below(Part::Name(name.clone()), value))).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, value)| below(Part::Index(index), value)).collect()
        }
        _ => value.clone(),
    }
}
