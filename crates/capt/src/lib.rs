//! CAPT's manifests, and those of Kubernetes beside them, turned into captd's own declarations.
//!
//! | CAPT | becomes |
//! |---|---|
//! | `CaptMachine` of the first design | a machine |
//! | `WorkspaceTemplate` | an uploaded template |
//! | `WorkspaceTemplateApply` | a workspace |
//! | `CAPTCluster`, `CAPTControlPlane` | the workspaces of network and control plane |
//! | `Secret`, `ConfigMap` | a secret |
//! | `Namespace` | a namespace |
//! | `Cluster` | a label of what it names |
//!
//! **Invariant:** pure, and nothing is ignored in silence: what has no place in captd is refused, or a note says so.

mod apply;
mod bundles;
mod cluster;
mod facts;
mod inline;
mod kinds;
mod lone;
mod mirror;
mod template;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use captd_fields::problem::Problems;
use captd_fields::server_owned::{left_out, server_owned};
use captd_variables::Variable;
use serde_json::{Value, json};

pub use facts::{FILE as FACTS_FILE, Facts};
pub use kinds::{Kind, kind_of};
pub use mirror::{Mirror, Mirrored, Version};

/// captd's own `apiVersion`.
const CAPTD: &str = "captd/v1";

/// What is there already, as far as a conversion needs it.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Namespace of documents that name none.
    pub namespace: String,
    /// Templates by namespace and name.
    pub templates: BTreeMap<(String, String), Known>,
    /// Secrets by namespace and name, with who writes them, if one does.
    pub secrets: BTreeMap<(String, String), Option<Writer>>,
    /// Modules that stand in for those that cannot be reached.
    pub mirror: Mirror,
    /// Whether kinds that captd does not know are passed over.
    pub skip_unknown: bool,
    /// Templates of the request that could not be read: why is told where they stand, and nowhere else.
    pub unread: BTreeSet<(String, String)>,
}

/// Who writes a secret: in its namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// `workspace` or `machine`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
}

impl Surroundings {
    /// A template by its namespace and name; `at` is the place that names it.
    fn template(&self, named: &(String, String), at: &str, problems: &mut Problems) -> Option<&Known> {
        let found = self.templates.get(named);
        if found.is_none() && !self.unread.contains(named) {
            let (namespace, name) = named;
            let detail = format!(
                "there is no template `{name}` in namespace {namespace}; apply it before, or in the same request"
            );
            problems.add(at, "not_found", detail);
        }
        found
    }
}

/// A template that is there already, or comes in the same request.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Its variables.
    pub variables: BTreeMap<String, Variable>,
    /// What its manifest said beside the module.
    pub facts: Facts,
}

/// A declaration in captd's own form.
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    /// Number of the document that it comes from.
    pub source: usize,
    /// The declaration.
    pub value: Value,
}

/// What became of documents.
#[derive(Debug, Clone, Default)]
pub struct Conversion {
    /// In the order of the documents that they come from.
    pub documents: Vec<Converted>,
    /// Documents that were passed over: number, and kind.
    pub skipped: Vec<(usize, String)>,
    /// What was done with fields that have no place in captd: pointer and sentence.
    pub notes: Vec<(String, String)>,
    /// What is wrong.
    pub problems: Problems,
}

impl Conversion {
    /// The same to be printed: a `CaptMachine`, which captd reads as it is, stands in captd's own form too. The version
    /// that a cluster gave it says nothing of what captd has.
    #[must_use]
    pub fn in_own_form(mut self) -> Self {
        let machines = self.documents.iter_mut().filter(|it| kind_of(&it.value) == Kind::CaptMachine);
        for Converted { source, value } in machines {
            value["apiVersion"] = json!(CAPTD);
            value["kind"] = json!("Machine");
            let metadata = value["metadata"].as_object_mut().filter(|metadata| metadata.contains_key("uid"));
            if metadata.is_some_and(|metadata| metadata.remove("resourceVersion").is_some()) {
                let left = left_out(&["metadata.resourceVersion".to_owned()]);
                self.notes.push((format!("/{source}/metadata"), left));
            }
        }
        self
    }

    fn add(&mut self, source: usize, value: Value) {
        self.documents.push(Converted { source, value });
    }

    fn note(&mut self, pointer: impl Into<String>, sentence: impl Into<String>) {
        self.notes.push((pointer.into(), sentence.into()));
    }
}

/// Turns documents into captd's own form; those that have it stay as they are.
#[must_use]
pub fn convert(documents: &[Value], surroundings: &Surroundings) -> Conversion {
    let mut conversion = Conversion::default();
    let mut known = surroundings.clone();
    // What others refer to comes first.
    for (source, document) in documents.iter().enumerate() {
        match kind_of(document) {
            Kind::WorkspaceTemplate => {
                let name = template::name(source, documents, &mut conversion);
                template::convert(source, document, name, &mut known, &mut conversion);
            }
            Kind::Secret | Kind::ConfigMap => bundles::convert(source, document, &mut known, &mut conversion),
            Kind::WorkspaceTemplateApply => apply::announce(document, &mut known),
            _ => {}
        }
    }
    for (source, document) in documents.iter().enumerate() {
        note_what_a_server_set(source, document, &mut conversion);
    }
    let clusters = cluster::named(documents);
    for (source, document) in documents.iter().enumerate() {
        match kind_of(document) {
            Kind::Own => conversion.add(source, document.clone()),
            Kind::CaptMachine => apply::machine(source, document, &known, &mut conversion),
            Kind::WorkspaceTemplateApply => apply::convert(source, document, &known, &mut conversion),
            Kind::CaptCluster => cluster::network(source, document, &known, &clusters, &mut conversion),
            Kind::CaptControlPlane => cluster::control_plane(source, document, &known, &clusters, &mut conversion),
            Kind::Cluster => cluster::check(source, document, documents, &mut conversion),
            Kind::Refused(why) => conversion.problems.add(format!("/{source}/kind"), "not_taken", why),
            Kind::Unknown(what) if known.skip_unknown => conversion.skipped.push((source, what)),
            Kind::Unknown(what) => {
                let detail =
                    format!("captd has no use for {what}; leave it out, or pass it over with --skip-unknown-kinds");
                conversion.problems.add(format!("/{source}/kind"), "unknown_kind", detail);
            }
            Kind::WorkspaceTemplate | Kind::Secret | Kind::ConfigMap => {}
        }
    }
    conversion.documents.sort_by_key(|converted| converted.source);
    conversion
}

/// What is left out of a document of CAPT's or Kubernetes' own. Its version is that of the cluster that it was read from,
/// and says nothing of what captd has. What stays as it is, captd's own reading tells.
fn note_what_a_server_set(source: usize, document: &Value, conversion: &mut Conversion) {
    let stays = matches!(kind_of(document), Kind::Own | Kind::CaptMachine | Kind::Refused(_) | Kind::Unknown(_));
    let Some(object) = document.as_object().filter(|_| !stays) else { return };
    let mut fields = server_owned(object);
    fields.extend(document.pointer("/metadata/resourceVersion").map(|_| "metadata.resourceVersion".to_owned()));
    if !fields.is_empty() {
        let place = if document.get("status").is_some() { "status" } else { "metadata" };
        conversion.note(format!("/{source}/{place}"), left_out(&fields));
    }
}

/// The text at a pointer, if there is one.
fn text_at<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer)?.as_str()
}

/// A document's namespace, or that of those that name none.
fn namespace_of(document: &Value, known: &Surroundings) -> String {
    text_at(document, "/metadata/namespace").unwrap_or(&known.namespace).to_owned()
}

/// A declaration with the metadata of the document that it comes from.
fn declaration(kind: &str, name: &str, document: &Value, spec: &Value) -> Value {
    let mut metadata = json!({"name": name});
    for field in ["namespace", "labels", "annotations"] {
        if let Some(value) = document.pointer(&format!("/metadata/{field}")).filter(|value| !value.is_null()) {
            metadata[field] = value.clone();
        }
    }
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.retain(|key, _| !key.starts_with("kubectl.kubernetes.io/"));
    }
    json!({"apiVersion": CAPTD, "kind": kind, "metadata": metadata, "spec": spec})
}
