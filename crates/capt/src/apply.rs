//! `WorkspaceTemplateApply` becomes a workspace; a `CaptMachine` gets what its template says beside the module.

use std::collections::BTreeMap;

use captd_fields::fields::Fields;
use captd_fields::problem::Problems;
use serde_json::{Value, json};

use crate::inline::WORKSPACE_NAME;
use crate::template::{bind, place_of};
use crate::text::typed;
use crate::{Conversion, Known, Surroundings, Writer, declaration, namespace_of, text_at};

/// The workspace of an apply: CAPT takes the ending off.
pub(crate) fn workspace_of(apply: &str) -> &str {
    apply.strip_suffix("-apply").filter(|rest| !rest.is_empty()).unwrap_or(apply)
}

/// Makes known which secret an apply writes, so that others may wait for it wherever they stand.
pub(crate) fn announce(document: &Value, known: &mut Surroundings) {
    let Some(name) = text_at(document, "/metadata/name") else { return };
    let namespace = namespace_of(document, known);
    let template = text_at(document, "/spec/templateRef/name").map(|name| {
        let namespace = text_at(document, "/spec/templateRef/namespace").unwrap_or(&namespace);
        (namespace.to_owned(), name.to_owned())
    });
    let of_template = || known.templates.get(&template?)?.facts.secret.clone();
    let secret = text_at(document, "/spec/writeConnectionSecretToRef/name").map(str::to_owned).or_else(of_template);
    if let Some(secret) = secret {
        let texts = BTreeMap::from([(WORKSPACE_NAME.to_owned(), workspace_of(name).to_owned())]);
        let secret = crate::text::substitute(&secret, &texts);
        let writer = Writer { kind: "workspace", name: workspace_of(name).to_owned() };
        known.secrets.insert((namespace, secret), Some(writer));
    }
}

/// Converts an apply.
pub(crate) fn convert(source: usize, document: &Value, known: &Surroundings, conversion: &mut Conversion) {
    let mut problems = Problems::default();
    let at = format!("/{source}");
    if let Some(value) = workspace(document, &at, known, &mut problems)
        && problems.is_empty()
    {
        conversion.add(source, value);
    }
    conversion.problems.extend_under("", problems);
}

fn workspace(document: &Value, at: &str, known: &Surroundings, problems: &mut Problems) -> Option<Value> {
    let Some(name) = text_at(document, "/metadata/name") else {
        problems.add(format!("{at}/metadata/name"), "required", "`name` is required");
        return None;
    };
    let (name, namespace, at_spec) = (workspace_of(name), namespace_of(document, known), format!("{at}/spec"));
    let said = said(document, &at_spec, problems)?;
    let (template, home) = said.template?;
    let reference = (home.clone().unwrap_or_else(|| namespace.clone()), template.clone());
    let takes = known.template(&reference, &format!("{at_spec}/templateRef/name"), problems)?;
    let mut spec = json!({"workspaceTemplateRef": {"name": template}, "variables": {}});
    if let Some(home) = home.filter(|home| *home != namespace) {
        spec["workspaceTemplateRef"]["namespace"] = json!(home);
    }
    let mut texts = said.texts;
    // captd's own field, which every template gets from there.
    if let Some(region) = texts.get("region") {
        spec["region"] = json!(region);
    }
    for (name, text) in texts.iter().filter(|(name, _)| *name != "region") {
        match value_of(takes, name, text) {
            Ok(value) => spec["variables"][name] = value,
            Err((code, why)) => problems.add(place_of(at, name), code, why),
        }
    }
    texts.insert(WORKSPACE_NAME.to_owned(), name.to_owned());
    bind(takes, &texts, &mut spec, &format!("{at_spec}/variables"), problems);
    if let Some((secret, _)) = said.secret {
        spec["writeConnectionSecretToRef"] = json!({"name": secret});
    }
    let mut wait_for: Vec<Value> = said
        .workspaces
        .iter()
        .map(|(name, namespace)| json!({"workspace": workspace_of(name), "namespace": namespace}))
        .collect();
    for (number, secret) in said.secrets.iter().enumerate() {
        match writer_of(secret, &namespace, known) {
            Ok(writer) => wait_for.extend(writer),
            Err(why) => problems.add(format!("{at_spec}/waitForSecrets/{number}"), "not_found", why),
        }
    }
    let mut waits: Vec<Value> = Vec::new();
    for it in wait_for.into_iter().map(|it| local(it, &namespace)) {
        if !waits.contains(&it) {
            waits.push(it);
        }
    }
    if !waits.is_empty() {
        spec["waitFor"] = json!(waits);
    }
    if said.retain || takes.facts.orphan {
        spec["retainOnDelete"] = json!(true);
    }
    Some(declaration("Workspace", name, document, &spec))
}

/// A name with its namespace.
pub(crate) type Reference = (String, Option<String>);

/// What an apply says.
struct Said {
    template: Option<Reference>,
    texts: BTreeMap<String, String>,
    workspaces: Vec<Reference>,
    secrets: Vec<Reference>,
    secret: Option<Reference>,
    retain: bool,
}

fn said(document: &Value, at: &str, problems: &mut Problems) -> Option<Said> {
    let mut f = Fields::open(document.get("spec").unwrap_or(&Value::Null), at, problems)?;
    let template = f.object("templateRef", name_and_namespace);
    let template = f.required("templateRef", template);
    let mut secrets = f.list("waitForSecrets", named).unwrap_or_default();
    secrets.extend(f.object("waitForSecret", name_and_namespace));
    let said = Said {
        template,
        texts: f.text_map("variables").unwrap_or_default(),
        workspaces: f.list("waitForWorkspaces", named).unwrap_or_default(),
        secrets,
        secret: f.object("writeConnectionSecretToRef", name_and_namespace),
        retain: f.boolean("retainWorkspaceOnDelete").unwrap_or_default(),
    };
    if f.value("dependencies").is_some() {
        let remedy =
            "CAPT has no such field; write waitForWorkspaces, and captd's own `valueFrom` for the outputs of others";
        f.problem("dependencies", "unknown_field", remedy);
    }
    f.finish();
    Some(said)
}

/// The value that a text has for a template: its code and why, where it has none.
fn value_of(takes: &Known, name: &str, text: &str) -> Result<Value, (&'static str, String)> {
    let Some(variable) = takes.variables.get(name) else {
        let known: Vec<&str> = takes.variables.keys().map(String::as_str).collect();
        let detail =
            format!("the module neither declares `{name}` nor has a ${{{name}}}; it takes {}", known.join(", "));
        return Err(("undeclared", detail));
    };
    typed(text, &variable.of).map_err(|why| ("wrong_type", format!("the text for `{name}` {why}")))
}

/// Without the namespace, where it is one's own.
fn local(mut reference: Value, home: &str) -> Value {
    if reference["namespace"].is_null() || reference["namespace"] == home {
        reference.as_object_mut().expect("invariant: a reference is an object").remove("namespace");
    }
    reference
}

/// Whom to wait for, for a secret to be there; none for one that is there already.
fn writer_of((name, namespace): &Reference, home: &str, known: &Surroundings) -> Result<Option<Value>, String> {
    let namespace = namespace.clone().unwrap_or_else(|| home.to_owned());
    match known.secrets.get(&(namespace.clone(), name.clone())) {
        Some(Some(Writer { kind, name })) => Ok(Some(json!({*kind: name, "namespace": namespace}))),
        Some(None) => Ok(None),
        None => Err(format!(
            "no workspace writes the secret `{name}`, and it is not there: declare it, or the workspace whose writeConnectionSecretToRef names it"
        )),
    }
}

fn named(value: &Value, at: &str, problems: &mut Problems) -> Option<Reference> {
    let mut f = Fields::open(value, at, problems)?;
    let found = name_and_namespace(&mut f);
    f.finish();
    found
}

/// The fields of a reference.
pub(crate) fn name_and_namespace(f: &mut Fields<'_, '_>) -> Option<Reference> {
    let (name, namespace) = (f.text("name"), f.text("namespace"));
    Some((f.required("name", name)?, namespace))
}

/// Hands on a `CaptMachine`, which captd reads itself, with what its template says beside the module.
pub(crate) fn machine(source: usize, document: &Value, known: &Surroundings, conversion: &mut Conversion) {
    let mut document = document.clone();
    let namespace = text_at(&document, "/spec/workspaceTemplateRef/namespace")
        .map_or_else(|| namespace_of(&document, known), str::to_owned);
    let template = text_at(&document, "/spec/workspaceTemplateRef/name").map(|name| (namespace, name.to_owned()));
    let takes = template.and_then(|template| known.templates.get(&template));
    if let Some(takes) = takes.filter(|_| document["spec"].is_object()) {
        let texts = texts_of(&document);
        let mut takes = takes.clone();
        takes.facts.vars.retain(|name, _| !FIELDS.contains(&name.as_str()));
        let had = document["spec"]["variables"].take();
        let mut problems = Problems::default();
        document["spec"]["variables"] = json!({});
        bind(&takes, &texts, &mut document["spec"], &format!("/{source}/spec/variables"), &mut problems);
        if let Some(had) = had.as_object() {
            for (name, value) in had {
                document["spec"]["variables"][name] = value.clone();
            }
        }
        conversion.problems.extend_under("", problems);
    }
    conversion.add(source, document);
}

/// What captd hands in of a machine by itself.
const FIELDS: [&str; 14] = [
    "region",
    "cluster_name",
    "node_group_name",
    "instance_type",
    "instance_types",
    "min_size",
    "max_size",
    "desired_size",
    "subnet_ids",
    "labels",
    "tags",
    "taints",
    "node_role_arn",
    "update_config",
];

/// The texts that a machine has for `${name}`: what CAPT passes.
fn texts_of(machine: &Value) -> BTreeMap<String, String> {
    let group = "/spec/nodeGroupConfig";
    let mut texts = BTreeMap::new();
    for (name, pointer) in [
        ("node_group_name", format!("{group}/name")),
        ("instance_type", format!("{group}/instanceType")),
        ("min_size", format!("{group}/scaling/minSize")),
        ("max_size", format!("{group}/scaling/maxSize")),
        ("desired_size", format!("{group}/scaling/desiredSize")),
        ("cluster_name", "/spec/clusterName".to_owned()),
        ("region", "/spec/region".to_owned()),
        (WORKSPACE_NAME, "/metadata/name".to_owned()),
    ] {
        let text = match machine.pointer(&pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(number @ Value::Number(_)) => number.to_string(),
            _ => continue,
        };
        texts.insert(name.to_owned(), text);
    }
    if let Some(name) = texts.get("node_group_name").cloned() {
        texts.entry(WORKSPACE_NAME.to_owned()).or_insert(name);
    }
    texts
}
