//! Who needs whom: the order in which things are made, who may begin, what closes a circle, and who
//! is in the way of a deletion.
//!
//! **Invariant:** pure, and no recursion: a chain may be as long as memory has room for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A directed graph: an edge leads from what needs to what is needed.
#[derive(Debug, Clone)]
pub struct Graph<N> {
    needs: BTreeMap<N, BTreeSet<N>>,
    needed_by: BTreeMap<N, BTreeSet<N>>,
}

impl<N> Default for Graph<N> {
    fn default() -> Self {
        Self { needs: BTreeMap::new(), needed_by: BTreeMap::new() }
    }
}

impl<N: Ord + Clone> FromIterator<(N, N)> for Graph<N> {
    /// Of edges: `(what needs, what is needed)`.
    fn from_iter<I: IntoIterator<Item = (N, N)>>(edges: I) -> Self {
        let mut graph = Self::default();
        for (from, to) in edges {
            graph.add(from, to);
        }
        graph
    }
}

impl<N: Ord + Clone> Graph<N> {
    /// Adds that `from` needs `to`.
    pub fn add(&mut self, from: N, to: N) {
        self.needed_by.entry(to.clone()).or_default().insert(from.clone());
        self.needs.entry(from).or_default().insert(to);
    }

    /// What `node` itself needs.
    pub fn needs(&self, node: &N) -> impl Iterator<Item = &N> {
        self.needs.get(node).into_iter().flatten()
    }

    /// What needs `node` itself.
    pub fn needed_by(&self, node: &N) -> impl Iterator<Item = &N> {
        self.needed_by.get(node).into_iter().flatten()
    }

    /// The shortest circle through `node`: it comes first and last. `None` when there is none.
    #[must_use]
    pub fn circle(&self, node: &N) -> Option<Vec<N>> {
        let mut came_from: BTreeMap<&N, &N> = BTreeMap::new();
        let mut next: VecDeque<&N> = VecDeque::from([node]);
        while let Some(at) = next.pop_front() {
            for to in self.needs(at) {
                if to == node {
                    return Some(Self::way_back(&came_from, node, at));
                }
                if !came_from.contains_key(to) {
                    came_from.insert(to, at);
                    next.push_back(to);
                }
            }
        }
        None
    }

    fn way_back(came_from: &BTreeMap<&N, &N>, node: &N, last: &N) -> Vec<N> {
        let mut way = vec![node.clone()];
        let mut at = last;
        while at != node {
            way.push(at.clone());
            at = came_from.get(at).expect("invariant: whatever was reached was reached from somewhere");
        }
        way.push(node.clone());
        way.reverse();
        way
    }

    /// All that needs `node`, directly or through others; `node` itself is not among it.
    #[must_use]
    pub fn all_needed_by(&self, node: &N) -> BTreeSet<N> {
        let mut found = BTreeSet::new();
        let mut next: Vec<&N> = vec![node];
        while let Some(at) = next.pop() {
            for from in self.needed_by(at) {
                if from != node && found.insert(from.clone()) {
                    next.push(from);
                }
            }
        }
        found
    }

    /// Those of `nodes` in an order in which each comes after what it needs, as far as that is among
    /// them; among equals, in the order in which they came. Those of a circle come last.
    #[must_use]
    pub fn order(&self, nodes: &[N]) -> Vec<N> {
        let place: BTreeMap<&N, usize> = nodes.iter().enumerate().map(|(place, node)| (node, place)).collect();
        let mut open: Vec<usize> =
            nodes.iter().map(|node| self.needs(node).filter(|need| place.contains_key(need)).count()).collect();
        let mut free: BTreeSet<usize> = (0..nodes.len()).filter(|at| open[*at] == 0).collect();
        let mut out = Vec::with_capacity(nodes.len());
        let mut done = vec![false; nodes.len()];
        while let Some(at) = free.pop_first() {
            done[at] = true;
            out.push(nodes[at].clone());
            for from in self.needed_by(&nodes[at]).filter_map(|from| place.get(from)) {
                open[*from] -= 1;
                if open[*from] == 0 {
                    free.insert(*from);
                }
            }
        }
        out.extend(nodes.iter().zip(done).filter(|(_, done)| !done).map(|(node, _)| node.clone()));
        out
    }

    /// Of all that needs something, what may begin: those whose every need `is_met`.
    pub fn may_begin<'g>(&'g self, is_met: impl Fn(&N) -> bool + 'g) -> impl Iterator<Item = &'g N> {
        self.needs.iter().filter(move |(_, needs)| needs.iter().all(&is_met)).map(|(node, _)| node)
    }
}
