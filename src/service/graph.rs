//! Who needs whom in a namespace, to be looked at.

use super::{ListResources, ResourceView, Result, Service};
use crate::domain::name::Name;
use crate::domain::needs::{Need, needs};
use crate::domain::resource::{Key, ResourceKind};
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
        let edges = nodes.iter().flat_map(|node| {
            let key = node.resource.key();
            needs(&node.resource.spec, namespace).into_iter().map(move |need| (key.clone(), need))
        });
        Ok(GraphView { edges: edges.collect(), nodes })
    }
}
