//! Which queued runs get a place: within the limits, and in turn between namespaces.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::name::Name;

/// A run that waits for a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The run.
    pub id: Uuid,
    /// Its tenant.
    pub namespace: Name,
    /// Its cluster.
    pub cluster: String,
    /// Its provider configuration, if it has one.
    pub provider: Option<String>,
}

/// How many may work at once, and who does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Places that are free.
    pub free: usize,
    /// Runs that work, by namespace.
    pub by_namespace: BTreeMap<Name, usize>,
    /// Runs that work, by cluster.
    pub by_cluster: BTreeMap<String, usize>,
    /// Runs that work, by provider configuration.
    pub by_provider: BTreeMap<String, usize>,
    /// How many may work at once of a provider configuration that is not well.
    pub provider_max: BTreeMap<String, usize>,
    /// How many may work on one cluster at once.
    pub per_cluster_max: usize,
    /// How many may work in a namespace at once, where it says so.
    pub namespace_max: BTreeMap<Name, usize>,
}

/// Chooses runs for the free places. `waiting` is in the order of arrival. The next place goes to
/// the namespace with the fewest runs at work, and within it to the oldest run whose cluster has
/// room.
#[must_use]
pub fn choose(waiting: &[Waiting], mut places: Places) -> Vec<Uuid> {
    let mut chosen = Vec::new();
    let mut taken = BTreeSet::new();
    while chosen.len() < places.free {
        let next = waiting
            .iter()
            .enumerate()
            .filter(|(index, run)| !taken.contains(index) && places.has_room(run))
            .min_by_key(|(index, run)| (places.at_work_in(&run.namespace), *index));
        let Some((index, run)) = next else { break };
        taken.insert(index);
        *places.by_namespace.entry(run.namespace.clone()).or_default() += 1;
        *places.by_cluster.entry(run.cluster.clone()).or_default() += 1;
        if let Some(provider) = &run.provider {
            *places.by_provider.entry(provider.clone()).or_default() += 1;
        }
        chosen.push(run.id);
    }
    chosen
}

impl Places {
    fn at_work_in(&self, namespace: &Name) -> usize {
        self.by_namespace.get(namespace).copied().unwrap_or_default()
    }

    fn has_room(&self, run: &Waiting) -> bool {
        let on_cluster = self.by_cluster.get(&run.cluster).copied().unwrap_or_default();
        let namespace_has_room =
            self.namespace_max.get(&run.namespace).is_none_or(|max| self.at_work_in(&run.namespace) < *max);
        let provider_has_room = run.provider.as_ref().is_none_or(|provider| {
            let at_work = self.by_provider.get(provider).copied().unwrap_or_default();
            self.provider_max.get(provider).is_none_or(|max| at_work < *max)
        });
        on_cluster < self.per_cluster_max && namespace_has_room && provider_has_room
    }
}
