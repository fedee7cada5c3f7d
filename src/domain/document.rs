//! Declarations as they arrive: captd's own form and the seed's `CaptMachine`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::Fields;
use super::machine::MachineSpec;
use super::machine_fields;
use super::machine_rules;
use super::metadata::{Declared, declared};
use super::name::Name;
use super::namespace::{self, NamespaceSpec};
use super::problem::Problems;
use super::resource::{ResourceKind, Spec};
use super::secret::{self, SecretSpec};
use super::template_fields;
use super::workspace_fields;

/// captd's own `apiVersion`.
pub const API_VERSION: &str = "captd/v1";
/// The `apiVersion` of CAPT's first machine design.
pub const CAPT_API_VERSION: &str = "infrastructure.cluster.x-k8s.io/v1beta1";

/// What a client declares.
#[derive(Debug, Clone, PartialEq)]
pub enum Document {
    /// A machine or a workspace; a machine's name is the node group's where none is given.
    Resource(Declared, Spec),
    /// A namespace.
    Namespace(Declared, NamespaceSpec),
    /// A secret.
    Secret(Declared, SecretSpec),
    /// A template: text by path, the manifest among it.
    Template(Declared, BTreeMap<String, String>),
}

/// Reads a document of any kind; `at` is its pointer. `None` when it cannot be read: the reasons
/// are in `problems`.
pub fn parse(value: &Value, at: &str, problems: &mut Problems) -> Option<Document> {
    let mut f = Fields::open(value, at, problems)?;
    let api_version = f.text("apiVersion");
    let api_version = f.required("apiVersion", api_version);
    let kind = f.text("kind");
    let kind = f.required("kind", kind);
    let (api_version, kind) = (api_version?, kind?);
    match (api_version.as_str(), kind.as_str()) {
        (API_VERSION, "Machine") | (CAPT_API_VERSION, "CaptMachine") => parse_machine(&mut f, value, at),
        (API_VERSION, "Workspace") => parse_workspace(&mut f, at),
        (API_VERSION, "Secret") => parse_secret(&mut f, at),
        (API_VERSION, "WorkspaceTemplate") => parse_template(&mut f, at),
        (API_VERSION | "v1", "Namespace") => parse_namespace(&mut f, at),
        _ => {
            f.problem(
                "kind",
                "unknown_kind",
                format!(
                    "captd knows no kind `{kind}` of `{api_version}`; it knows Machine, Workspace, WorkspaceTemplate, Secret and Namespace of `{API_VERSION}`, and CaptMachine of `{CAPT_API_VERSION}`"
                ),
            );
            None
        }
    }
}

/// Reads the body of a request for one machine or workspace: `kind` and `apiVersion` may be left out.
pub fn parse_resource_body(kind: ResourceKind, value: &Value, problems: &mut Problems) -> Option<(Declared, Spec)> {
    let document = body(value, problems, kind.title(), |f| match kind {
        ResourceKind::Machine => parse_machine(f, value, ""),
        ResourceKind::Workspace => parse_workspace(f, ""),
    });
    match document? {
        Document::Resource(declared, spec) => Some((declared, spec)),
        Document::Namespace(..) | Document::Template(..) | Document::Secret(..) => None,
    }
}

/// Reads the body of a request for one secret: `kind` and `apiVersion` may be left out.
pub fn parse_secret_body(value: &Value, problems: &mut Problems) -> Option<(Declared, SecretSpec)> {
    match body(value, problems, "Secret", |f| parse_secret(f, ""))? {
        Document::Secret(declared, spec) => Some((declared, spec)),
        Document::Resource(..) | Document::Namespace(..) | Document::Template(..) => None,
    }
}

/// Reads the body of a request for one template: `kind` and `apiVersion` may be left out.
pub fn parse_template_body(value: &Value, problems: &mut Problems) -> Option<(Declared, BTreeMap<String, String>)> {
    match body(value, problems, "WorkspaceTemplate", |f| parse_template(f, ""))? {
        Document::Template(declared, files) => Some((declared, files)),
        Document::Resource(..) | Document::Namespace(..) | Document::Secret(..) => None,
    }
}

/// Reads the body of a request for one namespace: `kind` and `apiVersion` may be left out.
pub fn parse_namespace_body(value: &Value, problems: &mut Problems) -> Option<Document> {
    body(value, problems, "Namespace", |f| parse_namespace(f, ""))
}

fn body(
    value: &Value,
    problems: &mut Problems,
    wanted: &str,
    read: impl FnOnce(&mut Fields<'_, '_>) -> Option<Document>,
) -> Option<Document> {
    if value.get("kind").is_some() || value.get("apiVersion").is_some() {
        let document = parse(value, "", problems);
        let fits = match &document {
            Some(Document::Resource(_, spec)) => wanted == spec.kind().title(),
            Some(Document::Namespace(..)) => wanted == "Namespace",
            Some(Document::Template(..)) => wanted == "WorkspaceTemplate",
            Some(Document::Secret(..)) => wanted == "Secret",
            None => return None,
        };
        if !fits {
            problems.add("/kind", "unknown_kind", format!("this address takes a {wanted}"));
        }
        return document.filter(|_| fits);
    }
    read(&mut Fields::open(value, "", problems)?)
}

/// With the rules behind the shapes, so that whoever declares it hears of everything at once.
fn machine_spec(value: &Value, at: &str, problems: &mut Problems) -> Option<MachineSpec> {
    let spec = machine_fields::parse_spec(value, at, problems)?;
    machine_rules::check(&spec, at, problems);
    Some(spec)
}

fn parse_machine(f: &mut Fields<'_, '_>, value: &Value, at: &str) -> Option<Document> {
    let (mut metadata, spec) = envelope(f, at, machine_spec, None);
    if metadata.name.is_none() && value.pointer("/metadata/name").is_none_or(Value::is_null) {
        let group = &spec.as_ref()?.node_group_config.name;
        match Name::parse(group) {
            Ok(name) => metadata.name = Some(name),
            Err(_) => f.problem(
                "metadata",
                "required",
                format!("`metadata.name` is required: the node group's name `{group}` cannot stand in for it, since it is no DNS label"),
            ),
        }
    }
    Some(Document::Resource(metadata, Spec::Machine(Box::new(spec?))))
}

fn parse_workspace(f: &mut Fields<'_, '_>, at: &str) -> Option<Document> {
    let (metadata, spec) = envelope(f, at, workspace_fields::parse_spec, None);
    Some(Document::Resource(metadata, Spec::Workspace(Box::new(spec?))))
}

fn parse_secret(f: &mut Fields<'_, '_>, at: &str) -> Option<Document> {
    let (metadata, spec) = envelope(f, at, secret::parse_spec, None);
    Some(Document::Secret(metadata, spec?))
}

fn parse_template(f: &mut Fields<'_, '_>, at: &str) -> Option<Document> {
    let (metadata, files) = envelope(f, at, template_fields::parse_spec, None);
    Some(Document::Template(metadata, files?))
}

fn parse_namespace(f: &mut Fields<'_, '_>, at: &str) -> Option<Document> {
    let (metadata, spec) = envelope(f, at, namespace::parse_spec, Some(NamespaceSpec::default()));
    Some(Document::Namespace(metadata, spec?))
}

/// Metadata and spec; without a default, the spec is required.
fn envelope<S>(
    f: &mut Fields<'_, '_>,
    at: &str,
    parse_spec: fn(&Value, &str, &mut Problems) -> Option<S>,
    default: Option<S>,
) -> (Declared, Option<S>) {
    let metadata = f.object("metadata", |f| Some(declared(f))).unwrap_or_default();
    refuse_status(f);
    let mut problems = Problems::default();
    let spec = match (f.value("spec"), default) {
        (Some(spec), _) => parse_spec(spec, &format!("{at}/spec"), &mut problems),
        (None, Some(default)) => Some(default),
        (None, None) => f.required("spec", None),
    };
    f.absorb(problems);
    f.finish();
    (metadata, spec)
}

/// A status is derived from what is observed; a client cannot declare one.
fn refuse_status(f: &mut Fields<'_, '_>) {
    if f.value("status").is_some() {
        f.problem("status", "read_only", "a status is derived from what captd observes; leave it out");
    }
}
