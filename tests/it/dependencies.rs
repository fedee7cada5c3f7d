//! Who needs whom: circles, orders, what may begin.

use std::collections::BTreeSet;

use captd_dependencies::Graph;
use proptest::prelude::*;

fn graph(edges: &[(&'static str, &'static str)]) -> Graph<&'static str> {
    edges.iter().copied().collect()
}

#[test]
fn a_circle_is_drawn_from_where_it_is_closed() {
    let circle = [("nodes", "cluster"), ("cluster", "network"), ("network", "nodes"), ("nodes", "network")];
    assert_eq!(graph(&circle).circle(&"cluster").unwrap(), ["cluster", "network", "nodes", "cluster"]);
    assert_eq!(graph(&circle).circle(&"nodes").unwrap(), ["nodes", "network", "nodes"], "the shortest one");
    assert_eq!(graph(&[("a", "a")]).circle(&"a").unwrap(), ["a", "a"]);
    // One that others are in is not its own.
    assert_eq!(graph(&[("a", "b"), ("b", "c"), ("c", "b")]).circle(&"a"), None);
    assert_eq!(graph(&[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]).circle(&"a"), None, "a diamond is none");
}

#[test]
fn all_that_needs_one_is_found_through_others() {
    let diamond = graph(&[("b", "a"), ("c", "a"), ("d", "b"), ("d", "c"), ("x", "y")]);
    assert_eq!(diamond.all_needed_by(&"a"), BTreeSet::from(["b", "c", "d"]));
    assert_eq!(diamond.all_needed_by(&"d"), BTreeSet::new());
}

#[test]
fn each_comes_after_what_it_needs_and_equals_keep_their_place() {
    let graph =
        graph(&[("nodes", "cluster"), ("cluster", "network"), ("fargate", "cluster"), ("cluster", "elsewhere")]);
    let nodes = ["nodes", "alone", "fargate", "cluster", "network"];
    assert_eq!(graph.order(&nodes), ["alone", "network", "cluster", "nodes", "fargate"]);
}

#[test]
fn those_of_a_circle_come_last_and_none_is_lost() {
    assert_eq!(graph(&[("a", "b"), ("b", "a")]).order(&["a", "b", "c"]), ["c", "a", "b"]);
}

#[test]
fn what_may_begin_has_all_that_it_needs() {
    let graph = graph(&[("cluster", "network"), ("nodes", "cluster"), ("nodes", "network"), ("fargate", "cluster")]);
    let with = |met: &[&str]| {
        let met: Vec<String> = met.iter().map(|node| (*node).to_owned()).collect();
        graph.may_begin(move |node| met.iter().any(|met| met == node)).copied().collect::<Vec<_>>()
    };
    assert_eq!(with(&[]), [""; 0]);
    assert_eq!(with(&["network"]), ["cluster"]);
    assert_eq!(with(&["network", "cluster"]), ["cluster", "fargate", "nodes"]);
}

#[test]
fn a_chain_may_be_long() {
    let chain: Graph<u32> = (0..100_000).map(|n| (n, n + 1)).collect();
    assert_eq!(chain.circle(&0), None);
    assert_eq!(chain.all_needed_by(&100_000).len(), 100_000);
    let nodes: Vec<u32> = (0..=100_000).collect();
    assert_eq!(chain.order(&nodes)[0], 100_000);
    assert_eq!(chain.may_begin(|need| *need == 100_000).collect::<Vec<_>>(), [&99_999]);
}

proptest! {
    #[test]
    fn an_order_and_the_circles_agree(edges in prop::collection::vec((0_u8..12, 0_u8..12), 0..30)) {
        let graph: Graph<u8> = edges.iter().copied().collect();
        let nodes: Vec<u8> = (0..12).collect();
        let order = graph.order(&nodes);
        let place = |node: &u8| order.iter().position(|at| at == node).unwrap();
        prop_assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), 12);
        let has_circle = nodes.iter().any(|node| graph.circle(node).is_some());
        let in_order = edges.iter().all(|(from, to)| place(to) < place(from));
        prop_assert_eq!(in_order, !has_circle);
        for node in &nodes {
            if let Some(circle) = graph.circle(node) {
                prop_assert_eq!((circle.first(), circle.last()), (Some(node), Some(node)));
                prop_assert!(circle.windows(2).all(|step| edges.contains(&(step[0], step[1]))));
            }
        }
    }
}
