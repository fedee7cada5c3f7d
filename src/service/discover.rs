//! Discovery: the node groups of a cluster as they are in the cloud, each with the declaration that takes it over.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::defaults::{allowed_provider, node_group_in_aws};
use super::{Actor, Error, Result, Service};
use crate::domain::discovered::{Discovered, Place, machine_name, name_apart};
use crate::domain::failure::Failure;
use crate::domain::machine_rules;
use crate::domain::name::Name;
use crate::domain::problem::Problems;
use crate::domain::resource::{Key, ResourceKind};
use crate::render::{quote, render};
use crate::terraform::environment::environment;
use crate::terraform::plan::Shown;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// EKS cluster; that of the namespace's defaults when not said.
    pub cluster: Option<String>,
    /// Node groups; all when there are none.
    pub names: Vec<String>,
    /// AWS region; from the namespace or the provider configuration when not said.
    pub region: Option<String>,
    /// Provider configuration.
    pub provider: String,
}

impl Service {
    /// Looks at the node groups of a cluster: Terraform plans to import them, and nothing is applied.
    ///
    /// # Errors
    /// When one that was named does not exist, or the cloud does not answer.
    pub async fn discover(&self, namespace: &Name, asked: Discovery, actor: &Actor) -> Result<Vec<Discovered>> {
        let mut snapshot = self.store.read().await?;
        let home = self.require_namespace(&mut snapshot, namespace).await?;
        drop(snapshot);
        let defaults = &home.spec.defaults;
        let mut problems = Problems::default();
        let providers = self.providers();
        let provider = allowed_provider(&providers, &asked.provider, &home, "/providerConfigRef/name", &mut problems);
        let cluster = asked.cluster.or_else(|| defaults.cluster_name.clone());
        if cluster.is_none() {
            problems.add("/clusterName", "required", "the cluster; the namespace has no default for it");
        }
        let region = asked.region.or_else(|| defaults.region.clone());
        let region = region.or_else(|| provider.and_then(|provider| provider.region.clone()));
        if region.is_none() && provider.is_some() {
            problems.add("/region", "required", "neither the namespace nor the provider configuration has a region");
        }
        if let Some(cluster) = &cluster {
            machine_rules::check_cluster(cluster, "/clusterName", &mut problems);
        }
        if let Some(region) = &region {
            machine_rules::check_region(region, "/region", &mut problems);
        }
        for (index, name) in asked.names.iter().enumerate() {
            machine_rules::check_node_group(name, &format!("/names/{index}"), &mut problems);
        }
        let (Some(provider), Some(cluster), Some(region), true) = (provider, cluster, region, problems.is_empty())
        else {
            return Err(Error::Invalid(problems));
        };
        let place = Place { cluster, region, provider: asked.provider };
        let look = |names: Vec<String>| self.look_at_node_groups(namespace, &place, provider, names);
        let names = if asked.names.is_empty() { names_in(&look(Vec::new()).await?) } else { asked.names };
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let shown = look(names.clone()).await?;
        let mut snapshot = self.store.read().await?;
        let mut found = Vec::new();
        for one in &shown.found {
            let mut one = Discovered::read(&one.attributes, &place);
            let node_group = node_group_in_aws(&place.provider, &place.region, &place.cluster, &one.name);
            let owner = snapshot.node_group_owner(&node_group).await?;
            one.machine = owner.map(|(of, name)| {
                let may_name = of == *namespace || actor.1.reads_in(&of);
                if may_name { format!("{of}/{name}") } else { "of another namespace".to_owned() }
            });
            found.push(one);
        }
        let mut taken = BTreeSet::new();
        for name in found.iter().map(|one| machine_name(&one.name)) {
            let Ok(parsed) = Name::parse(&name) else { continue };
            let key = Key { kind: ResourceKind::Machine, namespace: namespace.clone(), name: parsed };
            if snapshot.resource(&key).await?.is_some() {
                taken.insert(name);
            }
        }
        name_apart(&mut found, &taken);
        let missing = names.iter().find(|name| !found.iter().any(|found| found.name == **name));
        match missing {
            None => Ok(found),
            Some(name) => Err(Error::NotFound {
                what: "node group",
                name: format!(
                    "{}:{name}` in {} of provider configuration `{}",
                    place.cluster, place.region, place.provider
                ),
            }),
        }
    }

    async fn look_at_node_groups(
        &self,
        namespace: &Name,
        place: &Place,
        provider: &crate::config::AwsProvider,
        names: Vec<String>,
    ) -> Result<Shown> {
        let template = self.library.node_groups().expect("invariant: the daemon's library was loaded");
        let values =
            Map::from_iter([("cluster_name".to_owned(), json!(place.cluster)), ("names".to_owned(), json!(names))]);
        let rendered = render(template, &values, Some(&place.region), Some(provider));
        let rendered = rendered.map_err(|error| Error::one("", "not_rendered", error.to_string()))?.with_local_state();
        let engine = &self.config.engine;
        let environment =
            environment(&self.terraform_environment, &engine.pass_environment, &self.cli_config_path(), Some(provider));
        let what = format!("provider configuration {}, to look at cluster {}", place.provider, place.cluster);
        let trial = self.trial_with(namespace, template, rendered, (environment, Some(provider)), what);
        let ids: BTreeMap<String, String> = names
            .iter()
            .map(|name| (format!("aws_eks_node_group.found[{}]", quote(name)), format!("{}:{name}", place.cluster)))
            .collect();
        self.validator.look(trial, ids).await.map_err(|failure| not_looked(&failure, place))
    }
}

fn names_in(shown: &Shown) -> Vec<String> {
    let names = shown.outputs.get("names").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

fn not_looked(failure: &Failure, place: &Place) -> Error {
    if failure.message.contains("ResourceNotFoundException") {
        let name = format!("{}` in {} of provider configuration `{}", place.cluster, place.region, place.provider);
        return Error::NotFound { what: "EKS cluster", name };
    }
    Error::NotLooked(format!(
        "{} (provider configuration `{}`, region {}). Nothing was changed; mend that and ask again",
        failure.message, place.provider, place.region
    ))
}
