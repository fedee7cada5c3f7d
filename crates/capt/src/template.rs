//! `WorkspaceTemplate`: of the first design (`spec.template.spec.module`), and of provider-terraform
//! (`spec.template.spec.forProvider`).

use std::collections::BTreeMap;

use captd_fields::fields::Fields;
use captd_fields::problem::{Problems, pointer_to};
use serde_json::{Map, Value, json};

use crate::facts::{FILE, Facts};
use crate::inline::{self, Module, WORKSPACE_NAME};
use crate::kinds::{Kind, kind_of};
use crate::{Conversion, Known, Surroundings, declaration, namespace_of, text_at};

/// What captd does by itself: these arguments of Terraform change nothing.
const ARGUMENTS: [&str; 6] =
    ["-input=false", "-no-color", "-lock-timeout", "-compact-warnings", "-upgrade", "-auto-approve"];

/// The name of a template: its own, or that of the one reference in the request that names no template of it.
pub(crate) fn name(source: usize, documents: &[Value], conversion: &mut Conversion) -> Option<String> {
    if let Some(name) = text_at(&documents[source], "/metadata/name") {
        return Some(name.to_owned());
    }
    let named: Vec<&str> = documents
        .iter()
        .filter(|document| kind_of(document) == Kind::WorkspaceTemplate)
        .filter_map(|document| text_at(document, "/metadata/name"))
        .collect();
    let mut open: Vec<(usize, &str)> = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        let reference = ["/spec/workspaceTemplateRef/name", "/spec/templateRef/name", "/spec/vpcTemplateRef/name"];
        let reference = reference.into_iter().find_map(|pointer| text_at(document, pointer));
        let is_new = |name: &&str| !named.contains(name) && !open.iter().any(|(_, known)| known == name);
        open.extend(reference.filter(is_new).map(|name| (index, name)));
    }
    let place = format!("/{source}/metadata/name");
    if let [(index, name)] = open.as_slice() {
        let sentence = format!("the template has no name and takes `{name}`, which document {index} refers to");
        conversion.note(place, sentence);
        return Some((*name).to_owned());
    }
    let found: Vec<&str> = open.iter().map(|(_, name)| *name).collect();
    let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
    let detail = format!(
        "`name` is required: a template without one takes that of the only workspaceTemplateRef in the request that names no other template of it, and there are {found}"
    );
    conversion.problems.add(place, "required", detail);
    None
}

/// Converts one. What it takes is known from then on.
pub(crate) fn convert(
    source: usize,
    document: &Value,
    name: Option<String>,
    known: &mut Surroundings,
    conversion: &mut Conversion,
) {
    let mut problems = Problems::default();
    let mut notes = Vec::new();
    let at = format!("/{source}");
    // Until it is known.
    let home = namespace_of(document, known);
    known.unread.extend(name.iter().map(|name| (home.clone(), name.clone())));
    let read = read(document, &at, known, &mut notes, &mut problems);
    conversion.notes.extend(notes);
    if let (Some((description, files, facts)), Some(name)) = (read, name.filter(|_| problems.is_empty())) {
        let mut texts = files.texts;
        texts.insert(FILE.to_owned(), format!("{:#}\n", json!(facts)));
        let provider = if files.needs_aws { "aws" } else { "none" };
        let spec = json!({
            "description": description, "provider": provider, "protects": files.protects, "files": texts,
        });
        conversion.add(source, declaration("WorkspaceTemplate", &name, document, &spec));
        let variables = files.variables;
        known.templates.insert((namespace_of(document, known), name), Known { variables, facts });
    }
    conversion.problems.extend_under("", problems);
}

type Read = (String, inline::Files, Facts);

fn read(
    document: &Value,
    at: &str,
    known: &Surroundings,
    notes: &mut Vec<(String, String)>,
    problems: &mut Problems,
) -> Option<Read> {
    let spec = document.get("spec").unwrap_or(&Value::Null);
    let mut spec = Fields::open(spec, &format!("{at}/spec"), problems)?;
    let outer_secret = spec.object("writeConnectionSecretToRef", secret_ref);
    let template = spec.object("template", |template| {
        let description = template.object("metadata", |metadata| {
            let description = metadata.text("description");
            metadata.text("version");
            metadata.value("tags");
            description
        });
        let inner = template.object("spec", |inner| workspace_spec(inner, notes));
        let inner = template.required("spec", inner);
        Some((description.unwrap_or_default(), inner?))
    });
    let template = spec.required("template", template);
    spec.finish();
    let (description, (module, mut facts)) = template?;
    facts.secret = facts.secret.or(outer_secret);
    let files = inline::files(&module, &known.mirror, problems)?;
    facts.vars.clone_from(&files.vars);
    Some((description, files, facts))
}

/// `spec.template.spec`.
fn workspace_spec(f: &mut Fields<'_, '_>, notes: &mut Vec<(String, String)>) -> Option<(Module, Facts)> {
    let mut facts = Facts {
        provider_config: f.object("providerConfigRef", |f| f.text("name")),
        secret: f.object("writeConnectionSecretToRef", secret_ref),
        ..Facts::default()
    };
    facts.orphan = f.text("deletionPolicy").is_some_and(|policy| policy == "Orphan");
    for (field, sentence) in [
        ("managementPolicies", "captd has a runPolicy for each workspace instead"),
        ("publishConnectionDetailsTo", "captd keeps outputs in a secret of its own"),
    ] {
        if f.value(field).is_some() {
            notes.push((f.pointer(field), format!("`{field}` has no effect: {sentence}")));
        }
    }
    if f.value("module").is_some() {
        let at = f.pointer("module");
        let text = f.text("module")?;
        return Some((Module { text, at, vars: BTreeMap::new(), varmap: (Map::new(), String::new()) }, facts));
    }
    let module = f.object("forProvider", |f| for_provider(f, &mut facts, notes));
    let module = f.required("forProvider", module)?;
    Some((module, facts))
}

/// `forProvider`, as provider-terraform has it.
fn for_provider(f: &mut Fields<'_, '_>, facts: &mut Facts, notes: &mut Vec<(String, String)>) -> Option<Module> {
    if f.text("source").is_some_and(|source| source != "Inline") {
        f.problem(
            "source",
            "not_taken",
            "captd takes Inline modules; push a folder with `captd template push NAME FOLDER`",
        );
    }
    if f.text("inlineFormat").is_some_and(|format| format != "HCL") {
        f.problem("inlineFormat", "not_taken", "captd takes inline modules in HCL; write it as one");
    }
    if f.text("entrypoint").is_some_and(|entrypoint| !entrypoint.is_empty()) {
        f.problem("entrypoint", "not_taken", "an inline module has no folders; leave it out");
    }
    for field in ["enableTerraformCLILogging", "remotePullPolicy"] {
        if f.value(field).is_some() {
            notes.push((f.pointer(field), format!("`{field}` has no effect: captd keeps every log (`captd logs`)")));
        }
    }
    for field in ["initArgs", "planArgs", "applyArgs", "destroyArgs"] {
        arguments(f, field, notes);
    }
    let vars = f.list("vars", |value, at, problems| {
        let mut f = Fields::open(value, at, problems)?;
        let (key, value) = (f.text("key"), f.text("value"));
        let (key, value) = (f.required("key", key), f.required("value", value));
        f.finish();
        Some((key?, (value?, at.to_owned())))
    });
    let varmap = (f.any_map("varmap").unwrap_or_default(), f.pointer("varmap"));
    facts.var_files = f.list("varFiles", var_file).unwrap_or_default();
    facts.env = f.list("env", env).unwrap_or_default();
    let at = f.pointer("module");
    let text = f.text("module");
    let text = f.required("module", text)?;
    Some(Module { text, at, vars: vars.unwrap_or_default().into_iter().collect(), varmap })
}

/// Arguments of Terraform's own command line.
fn arguments(f: &mut Fields<'_, '_>, field: &'static str, notes: &mut Vec<(String, String)>) {
    for argument in f.texts(field).unwrap_or_default() {
        let name = argument.split('=').next().unwrap_or_default();
        if ARGUMENTS.iter().any(|known| *known == argument || *known == name) {
            notes
                .push((f.pointer(field), format!("`{argument}` has no effect: captd says itself what Terraform gets")));
        } else {
            let detail =
                format!("`{argument}` is not taken; of Terraform's arguments captd takes {}", ARGUMENTS.join(", "));
            f.problem(field, "not_taken", detail);
        }
    }
}

/// `varFiles[]`: a key of a secret or a config map that holds values of variables.
fn var_file(value: &Value, at: &str, problems: &mut Problems) -> Option<Value> {
    let mut f = Fields::open(value, at, problems)?;
    f.text("source");
    let format = f.text("format").unwrap_or_else(|| "HCL".to_owned());
    let secret = f.object("secretKeyRef", key_ref);
    let config = f.object("configMapKeyRef", key_ref);
    let found = secret.or(config);
    if found.is_none() {
        f.problem(
            "secretKeyRef",
            "required",
            "say where it stands: `secretKeyRef` or `configMapKeyRef` with name and key",
        );
    }
    f.finish();
    Some(json!({"secretRef": found?, "format": format}))
}

/// `env[]`: a variable of the environment.
fn env(value: &Value, at: &str, problems: &mut Problems) -> Option<Value> {
    let mut f = Fields::open(value, at, problems)?;
    let name = f.text("name");
    let name = f.required("name", name);
    let text = f.text("value");
    let secret = f.object("secretKeyRef", key_ref);
    let config = f.object("configMapKeyRef", key_ref);
    f.finish();
    let name = name?;
    Some(match secret.or(config) {
        Some(reference) => json!({"name": name, "secretRef": reference}),
        None => json!({"name": name, "value": text.unwrap_or_default()}),
    })
}

/// A key of a secret.
fn key_ref(f: &mut Fields<'_, '_>) -> Option<Value> {
    let (name, key) = (f.text("name"), f.text("key"));
    let (name, key) = (f.required("name", name), f.required("key", key));
    let mut reference = json!({"name": name?, "key": key?});
    if let Some(namespace) = f.text("namespace") {
        reference["namespace"] = json!(namespace);
    }
    Some(reference)
}

/// The secret that outputs go into.
fn secret_ref(f: &mut Fields<'_, '_>) -> Option<String> {
    f.text("namespace");
    let name = f.text("name");
    f.required("name", name)
}

/// What a workspace or machine adds to its spec for what its template says beside the module; `texts` are those that
/// stand for `${name}`.
pub(crate) fn bind(
    template: &Known,
    texts: &BTreeMap<String, String>,
    spec: &mut Value,
    at: &str,
    problems: &mut Problems,
) {
    let facts = &template.facts;
    let said = |text: &str| crate::text::substitute(text, texts);
    let mut bind_one = |name: &str, text: &str, place: &str| {
        let Some(variable) = template.variables.get(name) else { return };
        match crate::text::typed(text, &variable.of) {
            Ok(value) => spec["variables"][name] = value,
            Err(why) => problems.add(place, "wrong_type", format!("the text for `{name}` {why}")),
        }
    };
    for (name, text) in facts.vars.iter().filter(|(name, _)| *name != "region") {
        bind_one(name, &said(text), at);
    }
    if let Some(name) = texts.get(WORKSPACE_NAME) {
        bind_one(WORKSPACE_NAME, name, at);
    }
    let of_all = |list: &[Value]| -> Vec<Value> {
        let mut list = list.to_vec();
        for name in list.iter_mut().filter_map(|entry| entry.pointer_mut("/secretRef/name")) {
            *name = json!(said(name.as_str().unwrap_or_default()));
        }
        list
    };
    for (field, list) in [("varFiles", of_all(&facts.var_files)), ("env", of_all(&facts.env))] {
        if !list.is_empty() {
            spec[field] = json!(list);
        }
    }
    if let Some(secret) = &facts.secret {
        spec["writeConnectionSecretToRef"] = json!({"name": said(secret)});
    }
    if let Some(name) = facts.provider_config.as_ref().filter(|_| spec.get("providerConfigRef").is_none()) {
        spec["providerConfigRef"] = json!({"name": name});
    }
    if spec["variables"].as_object().is_some_and(Map::is_empty) {
        spec.as_object_mut().expect("invariant: a spec is an object").remove("variables");
    }
}

/// The pointer of a variable that is bound.
pub(crate) fn place_of(at: &str, name: &str) -> String {
    pointer_to(&format!("{at}/spec/variables"), name)
}
