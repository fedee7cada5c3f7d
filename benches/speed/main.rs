//! `make bench`: how fast captd is beside the plain Terraform, in one table.
//!
//! **Invariant:** both sides of a row are measured in turn in one go: same files, same values, same
//! provider, same fake AWS.
//! **Invariant:** a run that does not end as its row needs it ends the benchmark; no number is printed of it.

#![allow(unreachable_pub, missing_docs, reason = "a benchmark has no outside")]

mod crowd;
mod ground;
mod one;
mod plain;
mod processes;
mod settings;
mod stack;
mod table;

#[allow(dead_code, unused_imports, reason = "the tests need more of it")]
#[path = "../../tests/it/support/mod.rs"]
mod support;

use ground::Ground;
use settings::Settings;
use table::Row;

#[tokio::main]
async fn main() {
    let settings = Settings::from_environment();
    if !support::requires("aws") {
        return;
    }
    let mut ground = Ground::start(settings);
    let rows = ground.settings.rows.clone();
    let mut measured: Vec<Row> = Vec::new();
    for row in &rows {
        eprintln!("row {row} …");
        let found = match row {
            1 => one::no_op(&mut ground, 1).await,
            2 => one::no_op(&mut ground, 5).await,
            3 => one::scale(&mut ground).await,
            4 => crowd::at_once(&mut ground).await,
            5 => one::cpu(&mut ground).await,
            6 => one::cold_start(&mut ground).await,
            7 => crowd::sweep(&mut ground).await,
            8 => crowd::creations(&mut ground).await,
            9 => stack::local(&mut ground).await,
            _ => stack::decision(&ground),
        };
        for row in &found {
            eprintln!("{row}");
        }
        measured.extend(found);
    }
    println!("{}", table::markdown(&measured, &ground.machine_line()));
    ground.end().await;
}
