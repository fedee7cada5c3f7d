//! What a machine gets that its owner left out, and whether its template can take what it has.

use captd_variables::misfits;
use serde_json::Value;

use super::Service;
use crate::config::{AwsProvider, Providers};
use crate::domain::adoption::Owner;
use crate::domain::machine::MachineSpec;
use crate::domain::machine_rules;
use crate::domain::name::Name;
use crate::domain::namespace::Namespace;
use crate::domain::problem::{Problems, pointer_to};
use crate::domain::template::{Provider, Template};
use crate::render::{field_of, values};

/// What identifies a node group and its cluster, as the database keeps it.
pub(super) struct Identity {
    pub(super) node_group: String,
    pub(super) cluster: String,
}

/// Variables that have a default of the namespace, or are set by captd: a template without them
/// simply does not get them.
const NOT_ASKED_FOR: [&str; 6] =
    ["region", "cluster_name", "subnet_ids", "node_role_arn", "owner_tags", "node_group_name"];

impl Service {
    /// Fills in the defaults of the namespace and of the provider configuration, and checks the
    /// result. Pointers are below `at`.
    pub(super) fn complete(
        &self,
        spec: &mut MachineSpec,
        namespace: &Namespace,
        at: &str,
        problems: &mut Problems,
    ) -> Option<Identity> {
        let defaults = &namespace.spec.defaults;
        let group = &mut spec.node_group_config;
        fill(&mut spec.cluster_name, defaults.cluster_name.as_ref());
        fill(&mut group.node_role_arn, defaults.node_role_arn.as_ref());
        if group.subnet_ids.is_empty() {
            group.subnet_ids.clone_from(&defaults.subnet_ids);
        }
        let template = self.template_of(spec, &namespace.metadata.name, at, problems);
        let providers = self.providers();
        let provider = template
            .filter(|template| template.manifest.provider == Provider::Aws)
            .and_then(|_| allowed_provider(&providers, spec, namespace, at, problems));
        fill(&mut spec.region, defaults.region.as_ref().or(provider.and_then(|p| p.region.as_ref())));
        machine_rules::check(spec, &format!("{at}/spec"), problems);
        let template = template?;
        check_variables(spec, template, at, problems);
        Some(identity(spec, template, &namespace.metadata.name))
    }

    fn template_of(
        &self,
        spec: &MachineSpec,
        namespace: &Name,
        at: &str,
        problems: &mut Problems,
    ) -> Option<&Template> {
        let reference = &spec.workspace_template_ref;
        let at = format!("{at}/spec/workspaceTemplateRef");
        let elsewhere = reference.namespace.as_ref().filter(|n| *n != namespace && n.as_str() != "default");
        if let Some(elsewhere) = elsewhere {
            let detail = format!(
                "the templates of namespace `{elsewhere}` are not exported to `{namespace}`; leave the namespace out to use a built-in one"
            );
            problems.add(format!("{at}/namespace"), "not_found", detail);
            return None;
        }
        let Some(template) = self.library.get(&reference.name) else {
            let known: Vec<&str> = self.library.iter().map(|t| t.name.as_str()).collect();
            let detail = format!("there is no template `{}`; there are {}", reference.name, known.join(", "));
            problems.add(format!("{at}/name"), "not_found", detail);
            return None;
        };
        if let Some(revision) = reference.revision.as_ref().filter(|revision| **revision != template.revision) {
            let detail =
                format!("template `{}` has no revision `{revision}`; it has {}", template.name, template.revision);
            problems.add(format!("{at}/revision"), "not_found", detail);
            return None;
        }
        Some(template)
    }
}

fn fill(field: &mut Option<String>, default: Option<&String>) {
    if field.is_none() {
        *field = default.cloned();
    }
}

/// The provider configuration that the machine names, if it exists and both sides allow it.
fn allowed_provider<'p>(
    providers: &'p Providers,
    spec: &MachineSpec,
    namespace: &Namespace,
    at: &str,
    problems: &mut Problems,
) -> Option<&'p AwsProvider> {
    let name = &spec.provider_config_ref.name;
    let pointer = format!("{at}/spec/providerConfigRef/name");
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

/// Compares what the machine gives with what the template takes.
fn check_variables(spec: &MachineSpec, template: &Template, at: &str, problems: &mut Problems) {
    let nobody = Owner { installation: String::new(), machine: String::new() };
    let given = values(spec, &nobody);
    for (name, variable) in &template.variables {
        if variable.is_required() && given.get(name).is_none_or(Value::is_null) {
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
    for name in spec.variables.keys() {
        let pointer = pointer_to(&format!("{at}/spec/variables"), name);
        if let Some(field) = field_of(name) {
            problems.add(pointer, "reserved", format!("`{name}` comes from {field}; set it there"));
        } else if !template.variables.contains_key(name) {
            let known: Vec<&str> =
                template.variables.keys().map(String::as_str).filter(|n| field_of(n).is_none()).collect();
            let known = if known.is_empty() {
                "it takes none besides the machine's own fields".to_owned()
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
    for (name, variable) in &template.variables {
        for misfit in given.get(name).map(|value| misfits(value, &variable.of)).unwrap_or_default() {
            let place = field_of(name).map_or_else(|| pointer_to("/spec/variables", name), str::to_owned);
            let detail = format!("`{name}` of template `{}` {}", template.name, misfit.detail);
            problems.add(format!("{at}{place}{}", misfit.pointer), "wrong_type", detail);
        }
    }
    for (name, value) in &given {
        let is_set = !(value.is_null()
            || value.as_object().is_some_and(serde_json::Map::is_empty)
            || value.as_array().is_some_and(Vec::is_empty));
        let from_field =
            field_of(name).filter(|_| !NOT_ASKED_FOR.contains(&name.as_str()) && !spec.variables.contains_key(name));
        if let Some(field) = from_field.filter(|_| is_set && !template.variables.contains_key(name)) {
            problems.add(
                format!("{at}{field}"),
                "not_taken",
                format!("template `{}` has no variable `{name}` that takes this; leave it out", template.name),
            );
        }
    }
}

/// A node group is unique by provider configuration, region, cluster and name. Without a cloud it
/// is by namespace.
fn identity(spec: &MachineSpec, template: &Template, namespace: &Name) -> Identity {
    let place = match template.manifest.provider {
        Provider::Aws => {
            format!("aws/{}/{}", spec.provider_config_ref.name, spec.region.as_deref().unwrap_or_default())
        }
        Provider::None => format!("none/{namespace}"),
    };
    let cluster = format!("{place}/{}", spec.cluster_name.as_deref().unwrap_or_default());
    Identity { node_group: format!("{cluster}/{}", spec.node_group_config.name), cluster }
}
