//! What is measured and how often: variables that `make bench` sets.

use std::collections::BTreeSet;

/// All rows; the big one takes long, and is measured when it is named.
const ROWS: std::ops::RangeInclusive<u8> = 1..=10;
const BIG_ROW: u8 = 8;

#[derive(Debug, Clone)]
pub struct Settings {
    pub rows: BTreeSet<u8>,
    /// Repetitions of a warm run.
    pub runs: usize,
    /// Repetitions of a plain one, and of what takes as long.
    pub plain_runs: usize,
    /// Runs whose CPU time is measured together.
    pub cpu_runs: u32,
    /// Machines that are planned at once.
    pub at_once: usize,
    /// Folders that the plain side plans of as many.
    pub plain_at_once: usize,
    /// Machines that are planned after a restart.
    pub sweep: usize,
    /// Machines that are created at once, and the time that EKS takes for each.
    pub creations: usize,
    pub creation_seconds: u32,
}

impl Settings {
    pub fn from_environment() -> Self {
        let mut rows: BTreeSet<u8> = match text("BENCH_ROWS") {
            Some(rows) => rows.split([',', ' ']).filter(|row| !row.is_empty()).map(|row| parse("ROWS", row)).collect(),
            None => ROWS.filter(|row| *row != BIG_ROW).collect(),
        };
        if text("BENCH_BIG").is_some() {
            rows.insert(BIG_ROW);
        }
        assert!(rows.iter().all(|row| ROWS.contains(row)), "ROWS: there are rows {} to {}", ROWS.start(), ROWS.end());
        Self {
            rows,
            runs: number("BENCH_RUNS", 5),
            plain_runs: number("BENCH_PLAIN_RUNS", 3),
            cpu_runs: number("BENCH_CPU_RUNS", 20),
            at_once: number("BENCH_AT_ONCE", 32),
            plain_at_once: number("BENCH_PLAIN_AT_ONCE", 8),
            sweep: number("BENCH_SWEEP", 150),
            creations: number("BENCH_CREATIONS", 300),
            creation_seconds: number("BENCH_CREATION_SECONDS", 600),
        }
    }
}

fn number<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    text(name).map_or(otherwise, |text| parse(name, &text))
}

/// What a variable says; make sets those that nobody gave to nothing.
fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.trim().is_empty())
}

fn parse<T: std::str::FromStr>(name: &str, text: &str) -> T {
    text.trim().parse().unwrap_or_else(|_| panic!("{name}: `{text}` is no such number"))
}
