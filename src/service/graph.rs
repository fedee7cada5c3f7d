//! Who needs whom in a namespace, to be looked at.

use super::{ListResources, ResourceView, Result, Service};
use crate::domain::name::Name;
use crate::domain::needs::{Input, Need, needs};
use crate::domain::resource::{Key, ResourceKind};
use crate::domain::secret::uses;
use crate::domain::selector::Selector;

/// What a namespace holds, and who needs whom.
#[derive(Debug, Clone)]
pub struct GraphView {
    /// Machines and workspaces.
    pub nodes: Vec<ResourceView>,
    /// Who needs what.
    pub edges: Vec<(Key, Need)>,
}

impl Service {
    /// The graph of a namespace; what is needed from another is at the end of an edge only.
    ///
    /// # Errors
    /// When the namespace does not exist.
    pub async fn graph(&self, namespace: &Name) -> Result<GraphView> {
        let mut nodes = Vec::new();
        for kind in [ResourceKind::Workspace, ResourceKind::Machine] {
            let selector = Selector::default();
            let namespace = Some(namespace.clone());
            let list = ListResources { kind, namespace, selector, phase: None, limit: u32::MAX, after: None };
            nodes.extend(self.resources(list).await?.items);
        }
        let mut edges = Vec::new();
        let mut snapshot = self.store.read().await?;
        for node in &nodes {
            let (key, spec) = (node.resource.key(), &node.resource.spec);
            edges.extend(needs(spec, namespace).into_iter().map(|need| (key.clone(), need)));
            for it in uses(spec, namespace) {
                let Some(target) = snapshot.secret_writer(&it.namespace, &it.name).await? else { continue };
                let place = it.place();
                let input = Some(Input { variable: it.variable, output: it.key });
                edges.push((key.clone(), Need { place, target, input }));
            }
        }
        Ok(GraphView { nodes, edges })
    }
}
