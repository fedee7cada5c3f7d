//! `CAPTCluster` and `CAPTControlPlane` become the workspaces that they stand for; `Cluster` becomes a label of both.

use std::collections::BTreeMap;

use captd_fields::fields::Fields;
use captd_fields::problem::Problems;
use serde_json::{Map, Value, json};

use crate::apply::{Reference, name_and_namespace};
use crate::inline::WORKSPACE_NAME;
use crate::kinds::{Kind, kind_of};
use crate::template::bind;
use crate::text::typed;
use crate::{Conversion, Known, Surroundings, declaration, namespace_of, text_at};

/// The label by which what belongs to a cluster is found, as Cluster API has it.
const LABEL: &str = "cluster.x-k8s.io/cluster-name";

/// Clusters by what they name: kind and name.
pub(crate) type Clusters = BTreeMap<(String, String), String>;

/// What the clusters of a request name.
pub(crate) fn named(documents: &[Value]) -> Clusters {
    let mut clusters = Clusters::new();
    for document in documents.iter().filter(|document| kind_of(document) == Kind::Cluster) {
        let Some(cluster) = text_at(document, "/metadata/name") else { continue };
        for reference in ["infrastructureRef", "controlPlaneRef"] {
            let field = |field: &str| text_at(document, &format!("/spec/{reference}/{field}")).map(str::to_owned);
            if let (Some(kind), Some(name)) = (field("kind"), field("name")) {
                clusters.insert((kind, name), cluster.to_owned());
            }
        }
    }
    clusters
}

/// A cluster itself holds nothing that captd keeps: it must name what is there.
pub(crate) fn check(source: usize, document: &Value, documents: &[Value], conversion: &mut Conversion) {
    for (reference, kind) in [("infrastructureRef", "CAPTCluster"), ("controlPlaneRef", "CAPTControlPlane")] {
        let pointer = format!("/spec/{reference}");
        let Some(said) = text_at(document, &format!("{pointer}/kind")) else { continue };
        let name = text_at(document, &format!("{pointer}/name"));
        if said != kind {
            let detail = format!("captd knows {kind} here, and no {said}");
            conversion.problems.add(format!("/{source}{pointer}/kind"), "not_taken", detail);
        } else if !documents
            .iter()
            .any(|it| text_at(it, "/kind") == Some(kind) && text_at(it, "/metadata/name") == name)
        {
            let name = name.unwrap_or_default();
            conversion.note(
                format!("/{source}{pointer}"),
                format!("the {kind} `{name}` is not in this request: nothing is labelled"),
            );
        }
    }
    if document.pointer("/spec/clusterNetwork").is_some() {
        let sentence = "`clusterNetwork` has no effect, as in CAPT: the control plane's template says what EKS takes";
        conversion.note(format!("/{source}/spec/clusterNetwork"), sentence);
    }
}

/// A workspace that is put together.
struct Made<'a> {
    source: usize,
    document: &'a Value,
    kind: &'static str,
    workspace: String,
    template: Reference,
    place: String,
    variables: Vec<(String, Value)>,
    more: Map<String, Value>,
}

fn put_together(made: Made<'_>, known: &Surroundings, clusters: &Clusters, conversion: &mut Conversion) {
    let Made { source, document, kind, workspace, template, place, variables, more } = made;
    let home = namespace_of(document, known);
    let template = (template.1.unwrap_or_else(|| home.clone()), template.0);
    let Some(takes) = known.template(&template, &place, &mut conversion.problems) else { return };
    let mut problems = Problems::default();
    let mut spec = json!({"workspaceTemplateRef": {"name": template.1}, "variables": {}});
    if template.0 != home {
        spec["workspaceTemplateRef"]["namespace"] = json!(template.0);
    }
    spec["variables"] = Value::Object(fitting(takes, &variables, &format!("/{source}/spec"), &mut problems));
    let mut texts: BTreeMap<String, String> =
        variables.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    texts.insert(WORKSPACE_NAME.to_owned(), workspace.clone());
    bind(takes, &texts, &mut spec, &format!("/{source}/spec"), &mut problems);
    spec.as_object_mut().expect("invariant: a spec is an object").extend(more);
    let mut value = declaration("Workspace", &workspace, document, &spec);
    let name = text_at(document, "/metadata/name").unwrap_or_default();
    if let Some(cluster) = clusters.get(&(kind.to_owned(), name.to_owned())) {
        value["metadata"]["labels"][LABEL] = json!(cluster);
    }
    if problems.is_empty() {
        conversion.add(source, value);
    }
    conversion.problems.extend_under("", problems);
}

/// What CAPT passes, as far as the template declares it.
fn fitting(takes: &Known, variables: &[(String, Value)], at: &str, problems: &mut Problems) -> Map<String, Value> {
    let mut out = Map::new();
    for (name, value) in variables.iter().filter(|(name, _)| name != "region") {
        let Some(variable) = takes.variables.get(name) else { continue };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match typed(&text, &variable.of) {
            Ok(value) => drop(out.insert(name.clone(), value)),
            Err(why) => problems.add(at, "wrong_type", format!("`{name}`, which CAPT passes to the template, {why}")),
        }
    }
    out
}

/// `CAPTCluster`: the workspace of its network, if it has one of its own.
pub(crate) fn network(
    source: usize,
    document: &Value,
    known: &Surroundings,
    clusters: &Clusters,
    conversion: &mut Conversion,
) {
    let at = format!("/{source}/spec");
    let mut problems = Problems::default();
    let Some(mut f) = Fields::open(document.get("spec").unwrap_or(&Value::Null), &at, &mut problems) else {
        return conversion.problems.extend_under("", problems);
    };
    let region = f.text("region");
    let region = f.required("region", region);
    let template = f.object("vpcTemplateRef", name_and_namespace);
    let existing = f.text("existingVpcId");
    let retain = f.boolean("retainVpcOnDelete").unwrap_or_default();
    let vpc = f.object("vpcConfig", |f| f.text("name"));
    f.value("workspaceTemplateApplyName");
    match (&template, &existing) {
        (Some(_), Some(_)) => f.problem("existingVpcId", "excluded", "either vpcTemplateRef or existingVpcId"),
        (None, None) => f.problem("vpcTemplateRef", "required", "`vpcTemplateRef` is required, or `existingVpcId`"),
        (None, Some(_)) if retain => {
            f.problem("retainVpcOnDelete", "excluded", "a VPC that exists already is never deleted; leave it out");
        }
        _ => {}
    }
    f.finish();
    let is_good = problems.is_empty();
    conversion.problems.extend_under("", problems);
    let Some(name) = text_at(document, "/metadata/name").filter(|_| is_good) else { return };
    let Some(template) = template else {
        let sentence = format!(
            "the VPC `{}` exists: nothing is made for `{name}`; hand it to templates as a variable",
            existing.unwrap_or_default()
        );
        return conversion.note(format!("/{source}"), sentence);
    };
    let vpc = vpc.unwrap_or_else(|| format!("{name}-vpc"));
    let variables = vec![
        ("cluster_name".to_owned(), json!(name)),
        ("vpc_name".to_owned(), json!(vpc)),
        ("environment".to_owned(), json!("production")),
        ("region".to_owned(), json!(region)),
    ];
    let mut more = Map::from_iter([("region".to_owned(), json!(region))]);
    if retain {
        more.insert("retainOnDelete".to_owned(), json!(true));
    }
    let made = Made {
        source,
        document,
        kind: "CAPTCluster",
        workspace: format!("{name}-vpc"),
        template,
        place: format!("{at}/vpcTemplateRef/name"),
        variables,
        more,
    };
    put_together(made, known, clusters, conversion);
}

/// `CAPTControlPlane`: the workspace of its EKS cluster, after that of its network.
pub(crate) fn control_plane(
    source: usize,
    document: &Value,
    known: &Surroundings,
    clusters: &Clusters,
    conversion: &mut Conversion,
) {
    let at = format!("/{source}/spec");
    let mut problems = Problems::default();
    let Some(mut f) = Fields::open(document.get("spec").unwrap_or(&Value::Null), &at, &mut problems) else {
        return conversion.problems.extend_under("", problems);
    };
    let version = f.text("version");
    let version = f.required("version", version);
    let template = f.object("workspaceTemplateRef", name_and_namespace);
    let template = f.required("workspaceTemplateRef", template);
    let Config { mut variables, region, notes } = config(&mut f);
    for field in ["controlPlaneEndpoint", "workspaceTemplateApplyName"] {
        f.value(field);
    }
    f.finish();
    let is_good = problems.is_empty();
    conversion.problems.extend_under("", problems);
    for place in notes {
        conversion.note(place, "has no effect, as in CAPT: say it to the template as a variable");
    }
    let name = text_at(document, "/metadata/name").filter(|_| is_good);
    let (Some(name), Some(template), Some(version)) = (name, template, version) else { return };
    variables.push(("cluster_name".to_owned(), json!(name)));
    variables.push(("kubernetes_version".to_owned(), json!(version)));
    variables.extend(region.as_ref().map(|region| ("region".to_owned(), json!(region))));
    let mut more =
        Map::from_iter([("writeConnectionSecretToRef".to_owned(), json!({"name": format!("{name}-eks-connection")}))]);
    more.extend(region.map(|region| ("region".to_owned(), json!(region))));
    let network = format!("{name}-vpc");
    if conversion
        .documents
        .iter()
        .any(|it| it.value["kind"] == "Workspace" && it.value["metadata"]["name"] == network.as_str())
    {
        more.insert("waitFor".to_owned(), json!([{"workspace": network}]));
    }
    let made = Made {
        source,
        document,
        kind: "CAPTControlPlane",
        workspace: format!("{name}-eks-controlplane"),
        template,
        place: format!("{at}/workspaceTemplateRef/name"),
        variables,
        more,
    };
    put_together(made, known, clusters, conversion);
}

/// What a control plane is configured to be: variables of its template, and fields that reach nothing.
struct Config {
    variables: Vec<(String, Value)>,
    region: Option<String>,
    notes: Vec<String>,
}

fn config(f: &mut Fields<'_, '_>) -> Config {
    let mut variables: Vec<(String, Value)> = Vec::new();
    let mut region = None;
    let mut notes = Vec::new();
    f.object("controlPlaneConfig", |f| {
        region = f.text("region");
        f.object("endpointAccess", |f| {
            for (field, variable) in [("public", "endpoint_public_access"), ("private", "endpoint_private_access")] {
                variables.extend(f.boolean(field).map(|it| (variable.to_owned(), json!(it.to_string()))));
            }
            f.value("publicCIDRs").is_some().then(|| notes.push(f.pointer("publicCIDRs")))
        });
        for field in ["addons", "timeouts"] {
            if f.value(field).is_some() {
                notes.push(f.pointer(field));
            }
        }
        Some(())
    });
    for (key, text) in f.text_map("additionalTags").unwrap_or_default() {
        variables.push((format!("tags_{key}"), json!(text)));
    }
    Config { variables, region, notes }
}
