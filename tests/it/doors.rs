//! Every way into the API, with every right, in every spelling: what each needs is written down here, and not taken
//! from the code.

mod elsewhere;
mod matrix;
mod table;

use captd::http::{Scope, readme, routes};

use table::{EXPECTED, Where};

/// The table in the README is the one of the code.
#[test]
fn the_readme_shows_every_route_and_what_it_needs() {
    let text = include_str!("../../README.md");
    let missing: Vec<String> = readme().lines().filter(|line| !text.contains(line)).map(str::to_owned).collect();
    assert!(missing.is_empty(), "the README lacks these lines of its API table:\n{}", missing.join("\n"));
}

/// A route that is new must be written down here too, with what it needs.
#[test]
fn every_route_needs_what_is_written_down_here() {
    let mut found: Vec<String> = routes()
        .into_iter()
        .map(|route| {
            let place = match route.scope {
                Scope::All => Where::All,
                Scope::Namespace => Where::Path,
                Scope::Run => Where::Run,
                Scope::Query => Where::Query,
                Scope::Documents => Where::Documents,
                Scope::Nowhere => Where::Nowhere,
            };
            format!("{} {} {} {place:?}", route.method, route.path, route.permission.as_str())
        })
        .collect();
    let mut expected = Vec::new();
    for (method, path, needs, place) in EXPECTED {
        for kind in ["machines", "workspaces"] {
            expected.push(format!("{method} {} {needs} {place:?}", path.replace("KIND", kind)));
        }
    }
    expected.sort();
    expected.dedup();
    found.sort();
    assert_eq!(found, expected);
}
