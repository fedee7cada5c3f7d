//! `captd graph`: who needs whom, as a tree or for Graphviz.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde::Deserialize;

use super::Exit;
use super::output::{note, say};
use super::session::Session;
use crate::domain::name::Name;

/// `captd graph`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How it is printed
    #[arg(short, long, value_enum, default_value = "text")]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// What is needed first, below it those that need it
    Text,
    /// For Graphviz: captd graph -o dot | dot -Tsvg
    Dot,
}

#[derive(Debug, Deserialize)]
struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

#[derive(Debug, Deserialize)]
struct Node {
    #[serde(flatten)]
    of: Of,
    phase: String,
}

/// A machine or workspace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Of {
    kind: String,
    namespace: Name,
    name: Name,
}

#[derive(Debug, Deserialize)]
struct Edge {
    from: Of,
    to: Of,
    variable: Option<String>,
    output: Option<String>,
}

impl Of {
    /// `workspace/network`, with its namespace where that is another one.
    fn shown(&self, home: &Name) -> String {
        let kind = self.kind.to_ascii_lowercase();
        if self.namespace == *home {
            format!("{kind}/{}", self.name)
        } else {
            format!("{kind}/{}/{}", self.namespace, self.name)
        }
    }
}

impl Edge {
    /// What passes along it.
    fn label(&self) -> Option<String> {
        Some(format!("{} → {}", self.output.as_ref()?, self.variable.as_ref()?))
    }
}

/// Prints the graph of the namespace.
pub(super) async fn run(session: &Session, args: &Args) -> Result<Exit> {
    let home = &session.namespace;
    let graph: Graph = session.client.get(&["v1", "namespaces", home.as_str(), "graph"], &[]).await?;
    if graph.nodes.is_empty() && args.output == Format::Text {
        note(format_args!("No workspaces and no machines found in namespace {home}."));
        return Ok(Exit::Done);
    }
    match args.output {
        Format::Text => Tree::of(&graph, home).print(),
        Format::Dot => say(dot(&graph, home)),
    }?;
    Ok(Exit::Done)
}

fn dot(graph: &Graph, home: &Name) -> String {
    let mut lines = vec!["digraph captd {".to_owned(), "  rankdir = BT".to_owned(), "  node [shape = box]".to_owned()];
    for node in &graph.nodes {
        let shown = node.of.shown(home);
        lines.push(format!("  {shown:?} [label = \"{shown}\\n{}\"]", node.phase));
    }
    for edge in &graph.edges {
        let label = edge.label().map(|label| format!(" [label = {label:?}]")).unwrap_or_default();
        lines.push(format!("  {:?} -> {:?}{label}", edge.from.shown(home), edge.to.shown(home)));
    }
    lines.push("}".to_owned());
    lines.join("\n")
}

/// The graph from what is needed to those that need it.
struct Tree<'a> {
    home: &'a Name,
    phases: BTreeMap<&'a Of, &'a str>,
    needed_by: BTreeMap<&'a Of, Vec<&'a Of>>,
    roots: Vec<&'a Of>,
}

impl<'a> Tree<'a> {
    fn of(graph: &'a Graph, home: &'a Name) -> Self {
        let phases: BTreeMap<&Of, &str> = graph.nodes.iter().map(|node| (&node.of, node.phase.as_str())).collect();
        let mut needed_by = BTreeMap::<&Of, Vec<&Of>>::new();
        for edge in &graph.edges {
            let users = needed_by.entry(&edge.to).or_default();
            if !users.contains(&&edge.from) {
                users.push(&edge.from);
            }
        }
        let needs: BTreeSet<&Of> = graph.edges.iter().map(|edge| &edge.from).collect();
        let foreign = graph.edges.iter().map(|edge| &edge.to).filter(|to| !phases.contains_key(to));
        let own = graph.nodes.iter().map(|node| &node.of).filter(|of| !needs.contains(of));
        let mut roots: Vec<&Of> = Vec::new();
        for of in foreign.chain(own) {
            if !roots.contains(&of) {
                roots.push(of);
            }
        }
        Self { home, phases, needed_by, roots }
    }

    fn print(&self) -> Result<()> {
        let mut seen = BTreeSet::new();
        for root in &self.roots {
            self.print_below(root, &mut seen)?;
        }
        Ok(())
    }

    /// A node and those that need it, each with what they have below them once.
    fn print_below(&self, root: &'a Of, seen: &mut BTreeSet<&'a Of>) -> Result<()> {
        let mut next: Vec<(&Of, String, String)> = vec![(root, String::new(), String::new())];
        while let Some((of, before, indent)) = next.pop() {
            let phase = self.phases.get(of).copied().unwrap_or("in another namespace");
            let users = self.needed_by.get(of).map(Vec::as_slice).unwrap_or_default();
            let again = !seen.insert(of) && !users.is_empty();
            let above = if again { ", as above" } else { "" };
            say(format_args!("{before}{}  {phase}{above}", of.shown(self.home)))?;
            if again {
                continue;
            }
            for (place, user) in users.iter().enumerate().rev() {
                let is_last = place + 1 == users.len();
                let (branch, below) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
                next.push((user, format!("{indent}{branch}"), format!("{indent}{below}")));
            }
        }
        Ok(())
    }
}
