//! Who gets the next place.

use std::collections::BTreeMap;

use captd::domain::fair::{Places, Waiting, choose};
use uuid::Uuid;

use super::world::name;

/// Runs in the order of their arrival, as `namespace/cluster`; the first has id 0.
fn waiting(runs: &[&str]) -> Vec<Waiting> {
    let run = |(index, text): (usize, &&str)| {
        let (namespace, cluster) = text.split_once('/').unwrap();
        Waiting {
            id: Uuid::from_u128(index as u128),
            namespace: name(namespace),
            cluster: cluster.to_owned(),
            provider: Some(format!("p-{cluster}")),
        }
    };
    runs.iter().enumerate().map(run).collect()
}

fn places(free: usize) -> Places {
    Places { free, per_cluster_max: 100, ..Places::default() }
}

/// Checks that the runs with these numbers get a place, in this order.
fn check(waiting: &[Waiting], places: Places, expected: &[u128]) {
    let chosen: Vec<u128> = choose(waiting, places).iter().map(Uuid::as_u128).collect();
    assert_eq!(chosen, expected);
}

#[test]
fn no_more_than_the_free_places_are_given_the_oldest_first() {
    let runs = waiting(&["a/c", "a/c", "a/c"]);
    check(&runs, places(0), &[]);
    check(&runs, places(2), &[0, 1]);
    check(&runs, places(9), &[0, 1, 2]);
    check(&[], places(9), &[]);
}

#[test]
fn a_cluster_has_no_more_at_work_than_its_limit() {
    let runs = waiting(&["a/one", "a/one", "a/two", "a/one", "a/two"]);
    check(&runs, Places { per_cluster_max: 1, ..places(9) }, &[0, 2]);
    check(&runs, Places { per_cluster_max: 2, ..places(9) }, &[0, 1, 2, 4]);
    let by_cluster = BTreeMap::from([("one".to_owned(), 1)]);
    check(&runs, Places { per_cluster_max: 1, by_cluster, ..places(9) }, &[2]);
}

#[test]
fn a_cluster_is_counted_across_namespaces() {
    check(&waiting(&["a/one", "b/one"]), Places { per_cluster_max: 1, ..places(9) }, &[0]);
}

#[test]
fn a_namespace_has_no_more_at_work_than_it_may() {
    let runs = waiting(&["a/c", "a/c", "a/c", "b/c", "b/c"]);
    let namespace_max = BTreeMap::from([(name("a"), 1)]);
    check(&runs, Places { namespace_max: namespace_max.clone(), ..places(9) }, &[0, 3, 4]);
    let by_namespace = BTreeMap::from([(name("a"), 1)]);
    check(&runs, Places { namespace_max, by_namespace, ..places(9) }, &[3, 4]);
}

#[test]
fn a_hundred_runs_of_one_namespace_do_not_starve_another() {
    let mut runs = vec!["a/c"; 100];
    runs.extend(["b/c", "b/c"]);
    let runs = waiting(&runs);
    check(&runs, places(1), &[0]);
    check(&runs, places(6), &[0, 100, 1, 101, 2, 3]);
    let by_namespace = BTreeMap::from([(name("a"), 1)]);
    check(&runs, Places { by_namespace, ..places(1) }, &[100]);
}

#[test]
fn the_namespace_with_the_fewest_at_work_comes_first() {
    let runs = waiting(&["a/c", "a/c", "b/c", "b/c", "b/c", "b/c"]);
    let by_namespace = BTreeMap::from([(name("a"), 3), (name("b"), 1)]);
    check(&runs, Places { by_namespace, ..places(4) }, &[2, 3, 0, 4]);
}

#[test]
fn a_full_cluster_holds_up_nobody_else() {
    let runs = waiting(&["a/full", "a/full", "a/other"]);
    let by_cluster = BTreeMap::from([("full".to_owned(), 100)]);
    check(&runs, Places { by_cluster, ..places(9) }, &[2]);
}

#[test]
fn a_provider_configuration_that_is_not_well_has_no_more_at_work_than_it_takes() {
    let runs = waiting(&["a/one", "a/one", "b/two", "a/one"]);
    let limited = |max, at_work| Places {
        provider_max: BTreeMap::from([("p-one".to_owned(), max)]),
        by_provider: BTreeMap::from([("p-one".to_owned(), at_work)]),
        ..places(9)
    };
    check(&runs, limited(0, 0), &[2]);
    check(&runs, limited(1, 0), &[0, 2]);
    check(&runs, limited(1, 1), &[2]);
    check(&runs, limited(3, 1), &[0, 2, 1]);
    let without = Waiting { provider: None, ..runs[0].clone() };
    check(&[without], limited(0, 0), &[0]);
}
