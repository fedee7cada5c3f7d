//! What a machine or workspace gets that its owner left out, and whether its template can take what
//! it has.

use std::sync::Arc;

use captd_variables::misfits;
use serde_json::{Map, Value};

use super::Service;
use super::templates::{Found, NotFound};
use crate::config::{AwsProvider, Providers};
use crate::domain::adoption::Owner;
use crate::domain::machine_rules;
use crate::domain::name::Name;
use crate::domain::namespace::Namespace;
use crate::domain::needs::VALUE_FROM;
use crate::domain::problem::{Problems, pointer_to};
use crate::domain::resource::Spec;
use crate::domain::template::{Provider, Template};
use crate::render::{as_declared, field_of, values};

/// What identifies a node group and its cluster, as the database keeps it.
pub(super) struct Identity {
    pub(super) node_group: String,
    pub(super) cluster: String,
    /// The template that it is made by.
    pub(super) template: Arc<Template>,
}

/// Variables that have a default of the namespace, or are set by captd: a template without them
/// simply does not get them.
const NOT_ASKED_FOR: [&str; 6] =
    ["region", "cluster_name", "subnet_ids", "node_role_arn", "owner_tags", "node_group_name"];

/// What a machine is known by, and what its limits count: no output of another can be that.
const IDENTITY: [&str; 7] =
    ["region", "cluster_name", "node_group_name", "owner_tags", "min_size", "max_size", "desired_size"];

impl Service {
    /// Fills in the defaults of the namespace and of the provider configuration, and checks the
    /// result. Pointers are below `at`.
    pub(super) fn complete(
        &self,
        spec: &mut Spec,
        found: std::result::Result<Found, NotFound>,
        namespace: &Namespace,
        at: &str,
        problems: &mut Problems,
    ) -> Option<Identity> {
        let defaults = &namespace.spec.defaults;
        if let Spec::Machine(machine) = spec {
            let refers = |name: &str| machine.variables.get(name).is_some_and(|value| value.get(VALUE_FROM).is_some());
            let group = &mut machine.node_group_config;
            fill(&mut machine.cluster_name, defaults.cluster_name.as_ref());
            if !refers("node_role_arn") {
                fill(&mut group.node_role_arn, defaults.node_role_arn.as_ref());
            }
            if group.subnet_ids.is_empty() && !refers("subnet_ids") {
                group.subnet_ids.clone_from(&defaults.subnet_ids);
            }
        }
        let found = found.map_err(|NotFound(below, code, detail)| {
            problems.add(format!("{at}/spec/workspaceTemplateRef{below}"), code, detail);
        });
        let template = found.ok().map(|found| found.template);
        let providers = self.providers();
        let provider =
            template.as_ref().filter(|template| template.manifest.provider == Provider::Aws).and_then(|_| {
                let pointer = format!("{at}/spec/providerConfigRef/name");
                allowed_provider(&providers, &spec.provider().name, namespace, &pointer, problems)
            });
        let region = match spec {
            Spec::Machine(machine) => &mut machine.region,
            Spec::Workspace(workspace) => &mut workspace.region,
        };
        fill(region, defaults.region.as_ref().or(provider.and_then(|p| p.region.as_ref())));
        if let Spec::Machine(machine) = spec {
            machine_rules::check(machine, &format!("{at}/spec"), problems);
        }
        let template = template?;
        check_variables(spec, &template, at, problems);
        for it in self.rules(&providers).env_not_allowed(spec, &template) {
            problems.add(format!("{at}/spec/env/{}/name", it.number), "not_allowed", it.why);
        }
        Some(identity(spec, template, &namespace.metadata.name))
    }
}

fn fill(field: &mut Option<String>, default: Option<&String>) {
    if field.is_none() {
        *field = default.cloned();
    }
}

/// The provider configuration that is named, if it exists and both sides allow it.
pub(super) fn allowed_provider<'p>(
    providers: &'p Providers,
    name: &str,
    namespace: &Namespace,
    pointer: &str,
    problems: &mut Problems,
) -> Option<&'p AwsProvider> {
    let Some(provider) = providers.aws.get(name) else {
        let known: Vec<&str> = providers.aws.keys().map(String::as_str).collect();
        let there =
            if known.is_empty() { "there is none yet".to_owned() } else { format!("there are {}", known.join(", ")) };
        problems.add(
            pointer,
            "not_found",
            format!(
                "there is no provider configuration `{name}`, {there}; add [providers.aws.{name}] to the configuration"
            ),
        );
        return None;
    };
    let tenant = &namespace.metadata.name;
    if !namespace.spec.may_use(name) || !provider.admits(tenant.as_str()) {
        problems.add(
            pointer,
            "forbidden",
            format!("namespace `{tenant}` may not use the provider configuration `{name}`"),
        );
        return None;
    }
    Some(provider)
}

/// Compares what is given with what the template takes.
fn check_variables(spec: &Spec, template: &Template, at: &str, problems: &mut Problems) {
    let kind = spec.kind();
    let field_of = |name: &str| field_of(kind, name);
    let nobody = Owner { installation: String::new(), kind, name: String::new() };
    let mut given = values(spec, &nobody, &Map::new());
    // Of what type an output is shows when it is there.
    let referred: Vec<&String> =
        spec.variables().iter().filter(|(_, v)| v.get(VALUE_FROM).is_some()).map(|(n, _)| n).collect();
    given.retain(|name, _| !referred.contains(&name));
    for (name, variable) in &template.variables {
        if let Some(value) = given.get_mut(name) {
            *value = as_declared(name, value.take(), &variable.of);
        }
    }
    one_of_instance_types(&mut given, template);
    for (name, variable) in &template.variables {
        // What a file in a secret gives shows when it is opened.
        if spec.var_files().is_empty()
            && variable.is_required()
            && !referred.contains(&name)
            && given.get(name).is_none_or(Value::is_null)
        {
            let (pointer, remedy) = match field_of(name) {
                Some(field) if NOT_ASKED_FOR.contains(&name.as_str()) => {
                    (field.to_owned(), "set it here or as a default of the namespace")
                }
                Some(field) => (field.to_owned(), "set it here"),
                None => (pointer_to("/spec/variables", name), "set it here"),
            };
            let detail = format!("template `{}` needs `{name}`; {remedy}", template.name);
            problems.add(format!("{at}{pointer}"), "required", detail);
        }
    }
    for name in referred.iter().filter(|name| is_set(spec, name)) {
        let Some(field) = field_of(name) else { continue };
        let detail = format!("`{name}` is given twice: here, and by {field}; keep one of the two");
        problems.add(pointer_to(&format!("{at}/spec/variables"), name), "exactly_one_of", detail);
    }
    for name in spec.variables().keys() {
        let pointer = pointer_to(&format!("{at}/spec/variables"), name);
        let may_refer = referred.contains(&name) && !IDENTITY.contains(&name.as_str());
        if let Some(field) = field_of(name).filter(|_| !may_refer) {
            problems.add(pointer, "reserved", format!("`{name}` comes from {field}; set it there"));
        } else if !template.variables.contains_key(name) {
            let known: Vec<&str> =
                template.variables.keys().map(String::as_str).filter(|n| field_of(n).is_none()).collect();
            let known = if known.is_empty() {
                format!("it takes none besides the {}'s own fields", kind.noun())
            } else {
                format!("it takes {}", known.join(", "))
            };
            problems.add(
                pointer,
                "unknown_variable",
                format!("template `{}` has no variable `{name}`; {known}", template.name),
            );
        }
    }
    check_sensitive(spec, template, at, problems);
    for (name, variable) in &template.variables {
        for misfit in given.get(name).map(|value| misfits(value, &variable.of)).unwrap_or_default() {
            let place = field_of(name).map_or_else(|| pointer_to("/spec/variables", name), str::to_owned);
            let detail = format!("`{name}` of template `{}` {}", template.name, misfit.detail);
            problems.add(format!("{at}{place}{}", misfit.pointer), "wrong_type", detail);
        }
    }
}

/// Templates take the instance types under one name or the other, and need not take both.
fn one_of_instance_types(given: &mut Map<String, Value>, template: &Template) {
    for (one, other) in [("instance_type", "instance_types"), ("instance_types", "instance_type")] {
        if template.variables.contains_key(other) && !template.variables.contains_key(one) {
            given.remove(one);
        }
    }
    if !["instance_type", "instance_types"].iter().any(|name| template.variables.contains_key(*name)) {
        given.remove("instance_type");
    }
}

/// Declared fields that reach nothing, since the template has no variable that takes them: variable and pointer.
pub(super) fn without_effect(spec: &Spec, template: &Template) -> Vec<(String, &'static str)> {
    let kind = spec.kind();
    let nobody = Owner { installation: String::new(), kind, name: String::new() };
    let mut given = values(spec, &nobody, &Map::new());
    one_of_instance_types(&mut given, template);
    let is_taken = |name: &str| template.variables.contains_key(name) || spec.variables().contains_key(name);
    let reach_nothing = given
        .iter()
        .filter(|(name, value)| !NOT_ASKED_FOR.contains(&name.as_str()) && !is_empty(value) && !is_taken(name));
    reach_nothing.filter_map(|(name, _)| Some((name.clone(), field_of(kind, name)?))).collect()
}

/// What is sensitive comes from a secret, and what comes from a secret is sensitive: it is stored and
/// shown nowhere else.
fn check_sensitive(spec: &Spec, template: &Template, at: &str, problems: &mut Problems) {
    for (name, value) in spec.variables() {
        let Some(variable) = template.variables.get(name) else { continue };
        let from_secret = value.pointer("/valueFrom/secret").is_some();
        let pointer = pointer_to(&format!("{at}/spec/variables"), name);
        if from_secret && !variable.is_sensitive {
            let detail = format!(
                "the variable `{name}` of template `{}` would show the secret in plans; say `sensitive = true` in its block",
                template.name
            );
            problems.add(pointer, "not_sensitive", detail);
        } else if variable.is_sensitive && !from_secret {
            let detail = format!(
                "`{name}` is sensitive; write it as a secret, and say {{valueFrom: {{secret: NAME, key: KEY}}}} here"
            );
            problems.add(pointer, "sensitive", detail);
        } else if from_secret && !misfits(&Value::from("text"), &variable.of).is_empty() {
            let detail = format!("a secret is a text, and `{name}` of template `{}` is {}", template.name, variable.of);
            problems.add(pointer, "wrong_type", detail);
        }
    }
}

/// Whether the machine's own field gives the variable.
fn is_set(spec: &Spec, variable: &str) -> bool {
    let mut spec = spec.clone();
    if let Spec::Machine(machine) = &mut spec {
        machine.variables.clear();
    }
    let nobody = Owner { installation: String::new(), kind: spec.kind(), name: String::new() };
    let given = values(&spec, &nobody, &Map::new());
    given.get(variable).is_some_and(|value| !is_empty(value))
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

/// A node group is unique by provider configuration, region, cluster and name. Without a cloud it
/// is by namespace. Workspaces of one place are counted together.
/// The place of what a provider configuration makes in a region.
fn in_aws(provider: &str, region: &str) -> String {
    format!("aws/{provider}/{region}")
}

/// What identifies a node group of EKS, as the database keeps it.
pub(super) fn node_group_in_aws(provider: &str, region: &str, cluster: &str, name: &str) -> String {
    format!("{}/{cluster}/{name}", in_aws(provider, region))
}

fn identity(spec: &Spec, template: Arc<Template>, namespace: &Name) -> Identity {
    let place = match template.manifest.provider {
        Provider::Aws => in_aws(&spec.provider().name, spec.region().unwrap_or_default()),
        Provider::None => format!("none/{namespace}"),
    };
    let Some(machine) = spec.machine() else {
        return Identity { node_group: String::new(), cluster: format!("{place}/"), template };
    };
    let cluster = format!("{place}/{}", machine.cluster_name.as_deref().unwrap_or_default());
    Identity { node_group: format!("{cluster}/{}", machine.node_group_config.name), cluster, template }
}
