//! Who may import whom.

use super::super::floors;
use super::{check, check_whole};

#[test]
fn imports_lead_downstairs() {
    let up = "2: store (floor 3) imports http (floor 6)";
    check("src/store/mod.rs", "use crate::http::Problem;", &[up]);
    check("src/store/runs.rs", "use crate::{domain::Run, http::{self as api, problem}};", &[up, up]);
    check("src/store/runs.rs", "fn a() { crate::http::serve(); }", &[up]);
    check("src/store/runs.rs", "fn a(x: Vec<crate::http::Page>) {}", &[up]);
    check("src/store/runs.rs", "fn a() { info!(page = %crate::http::page()); }", &[up]);
    check("src/store/runs.rs", "macro_rules! a { () => { $crate::http::serve() } }", &[up]);
    check("src/store/runs.rs", "use super::super::http::Problem;", &[up]);
    check("src/store/mod.rs", "mod a { use super::super::http::Problem; }", &[up]);
    check("src/store/runs.rs", "fn a() { self::super::super::http::serve() }", &[up]);
    check("src/queue/mod.rs", "use crate::reconciler::tick;", &["2: queue (floor 5) imports reconciler (floor 5)"]);
    check("src/domain/mod.rs", "use crate::config;", &["2: domain (floor 1) imports config (floor 2)"]);

    check("src/http/runs.rs", "use crate::http::problem;\nuse crate::{domain::Run, service};", &[]);
    check("src/http/runs.rs", "use super::problem;\npub(crate) mod a { use super::super::page; }", &[]);
    check("src/http/v1/runs.rs", "use super::super::problem;\nuse ::http::Uri;\nuse http::Method;", &[]);
    check("src/app.rs", "use crate::{http, queue, reconciler, store};", &[]);
    check("src/main.rs", "use captd::{cli, telemetry};\nfn main() { captd::cli::run(); }", &[]);
}

#[test]
fn every_import_names_a_room() {
    check("src/store/mod.rs", "use crate::*;", &["2: `crate::*` names no room of the house"]);
    check("src/store/mod.rs", "use crate as c;", &["2: `crate as …` names no room of the house"]);
    check("src/main.rs", "use captd::setup;", &["2: `captd::setup` names no room of the house"]);
    check("src/cellar/mod.rs", "", &["1: the room `cellar` is not in the house"]);
    check("src/attic.rs", "", &["1: the room `attic` is not in the house"]);
    assert!(floors::HOUSE.is_sorted_by(|upper, lower| upper.0 >= lower.0), "the house is drawn from the roof down");
}

#[test]
fn a_crate_is_for_the_rooms_that_may_know_it() {
    let through = "runner names the crate process (`captd_process::write_whole`)";
    check("src/runner/mod.rs", "use captd_process::write_whole;", &[&format!("2: {through}")]);
    check("src/supervisor/mod.rs", "pub use captd_process::write_whole;", &[]);
    let unknown = "process names the crate attic (`captd_attic::Box`)";
    check("crates/process/src/lib.rs", "use captd_attic::Box;", &[&format!("2: {unknown}")]);
}

#[test]
fn the_library_is_a_list_of_rooms() {
    let more = "lib.rs holds more than docs, attributes and `mod` declarations";
    check("src/lib.rs", "pub use domain::Run;\npub mod domain;", &[&format!("2: {more}")]);
    check("src/lib.rs", "pub mod domain {}\nfn a() {}", &[&format!("2: {more}"), &format!("3: {more}")]);

    check_whole(
        "src/lib.rs",
        "#![doc = include_str!(\"../README.md\")]\n\n/// Nouns.\npub mod domain;\nmod store;\n",
        &[],
    );
}
