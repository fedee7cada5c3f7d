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
use super::ratchet::{self, Texts};
use super::resource::{ResourceKind, Spec};
use super::secret::{self, SecretSpec};
use super::server_owned::server_owned;
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

impl Document {
    /// Its metadata.
    #[must_use]
    pub fn declared(&self) -> &Declared {
        match self {
            Self::Resource(declared, _)
            | Self::Namespace(declared, _)
            | Self::Secret(declared, _)
            | Self::Template(declared, _) => declared,
        }
    }

    fn declared_mut(&mut self) -> &mut Declared {
        match self {
            Self::Resource(declared, _)
            | Self::Namespace(declared, _)
            | Self::Secret(declared, _)
            | Self::Template(declared, _) => declared,
        }
    }
}

/// What a request with one document or many holds: a JSON list and a `List` of Kubernetes (`CaptMachineList` too) stand
/// for what is in them, and so does a list as captd's API answers it.
#[must_use]
pub fn unpacked(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        Value::Object(mut object) => {
            let is_list =
                object.get("kind").is_none_or(|kind| kind.as_str().is_some_and(|kind| kind.ends_with("List")));
            match object.remove("items") {
                Some(Value::Array(items)) if is_list => items,
                Some(other) => {
                    object.insert("items".to_owned(), other);
                    vec![Value::Object(object)]
                }
                None => vec![Value::Object(object)],
            }
        }
        other => vec![other],
    }
}

/// Reads a document of any kind; `at` is its pointer. `None` when it cannot be read: the reasons
/// are in `problems`. What Kubernetes' and EKS's rules say of it depends on what is there already (`ratchet.rs`), and is
/// told here only where it is refused anyhow.
pub fn parse(value: &Value, at: &str, problems: &mut Problems) -> Option<Document> {
    let document = parse_shape(value, at, problems);
    if !problems.is_empty() {
        tell_the_rest(document.as_ref(), at, problems);
    }
    document
}

/// So that whoever is refused hears of everything at once.
fn tell_the_rest(document: Option<&Document>, at: &str, problems: &mut Problems) {
    let (declared, spec) = match document {
        Some(Document::Resource(declared, spec)) => (declared, Some(spec)),
        Some(Document::Namespace(declared, _)) => (declared, None),
        Some(Document::Secret(..) | Document::Template(..)) | None => return,
    };
    let texts = Texts { labels: &declared.labels, annotations: &declared.annotations };
    // AMI types of the configuration are not known here.
    let broken = ratchet::find(texts, spec, &[], at).into_iter().map(|finding| finding.problem);
    for problem in broken.filter(|problem| !problem.pointer.ends_with("/amiType")) {
        problems.add(problem.pointer, problem.code, problem.detail);
    }
}

fn parse_shape(value: &Value, at: &str, problems: &mut Problems) -> Option<Document> {
    let mut f = Fields::open(value, at, problems)?;
    let api_version = f.text("apiVersion");
    let api_version = f.required("apiVersion", api_version);
    let kind = f.text("kind");
    let kind = f.required("kind", kind);
    let (api_version, kind) = (api_version?, kind?);
    match (api_version.as_str(), kind.as_str()) {
        (API_VERSION, "Machine") => parse_machine(&mut f, value, at),
        (CAPT_API_VERSION, "CaptMachine") => {
            parse_machine(&mut f, value, at).map(|read| of_another_server(read, value))
        }
        (API_VERSION, "Workspace") => parse_workspace(&mut f, at),
        (API_VERSION, "Secret") => parse_secret(&mut f, at),
        (API_VERSION, "WorkspaceTemplate") => parse_template(&mut f, at),
        (API_VERSION, "Namespace") => parse_namespace(&mut f, at),
        ("v1", "Namespace") => parse_kubernetes_namespace(value, at, problems),
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
    let document = read(&mut Fields::open(value, "", problems)?);
    if !problems.is_empty() {
        tell_the_rest(document.as_ref(), "", problems);
    }
    document
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
    Some(Document::Secret(without_texts(metadata), spec?))
}

fn parse_template(f: &mut Fields<'_, '_>, at: &str) -> Option<Document> {
    // What is derived from the files, as captd prints it beside them.
    let is_printed = f.has("revision");
    let derived = DERIVED.iter().filter(|field| is_printed && f.value(field).is_some());
    let derived = derived.map(|field| (*field).to_owned()).collect();
    let (metadata, files) = envelope(f, at, template_fields::parse_spec, None);
    let mut metadata = without_texts(Declared { left_out: [metadata.left_out.clone(), derived].concat(), ..metadata });
    if metadata.resource_version.take().is_some() {
        metadata.left_out.push("metadata.resourceVersion".to_owned());
    }
    Some(Document::Template(metadata, files?))
}

/// What captd prints of a template beside its declaration.
const DERIVED: [&str; 12] = [
    "name",
    "namespace",
    "revision",
    "current",
    "description",
    "provider",
    "protects",
    "importIds",
    "permissions",
    "updatePolicy",
    "variables",
    "outputs",
];

/// Of secrets and templates captd keeps no labels and no annotations.
fn without_texts(mut metadata: Declared) -> Declared {
    for (field, texts) in [("labels", &mut metadata.labels), ("annotations", &mut metadata.annotations)] {
        if !std::mem::take(texts).is_empty() {
            metadata.left_out.push(format!("metadata.{field}"));
        }
    }
    metadata
}

/// A document in the form of another server's objects, read from there or written by hand.
fn of_another_server(mut document: Document, value: &Value) -> Document {
    let uid = value.pointer("/metadata/uid").and_then(Value::as_str).map(str::to_owned);
    document.declared_mut().read_from = uid;
    document
}

/// A namespace of Kubernetes, whose spec has nothing that captd knows.
fn parse_kubernetes_namespace(value: &Value, at: &str, problems: &mut Problems) -> Option<Document> {
    let mut own = value.clone();
    let spec = own.get_mut("spec").and_then(Value::as_object_mut);
    let had = spec.and_then(|spec| spec.remove("finalizers")).is_some();
    let mut f = Fields::open(&own, at, problems)?;
    f.value("apiVersion");
    f.value("kind");
    let mut document = of_another_server(parse_namespace(&mut f, at)?, value);
    document.declared_mut().left_out.extend(had.then(|| "spec.finalizers".to_owned()));
    Some(document)
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
    let mut metadata = f.object("metadata", |f| Some(declared(f))).unwrap_or_default();
    // A status is derived from what is observed.
    f.value("status");
    metadata.left_out = server_owned(f.raw());
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
