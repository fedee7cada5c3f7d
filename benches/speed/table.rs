//! Rows of the table: what was measured on both sides, and whether the goal is reached.

use std::fmt::{self, Display};

/// What is to be reached.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// The plain median is at least so many times captd's.
    Ratio(f64),
    /// captd's median is at most this.
    AtMost(f64),
    /// All of captd's are less than this.
    AlwaysBelow(f64),
}

#[derive(Debug, Clone)]
pub struct Row {
    pub name: String,
    pub unit: &'static str,
    /// Nothing, where there is no plain side.
    pub plain: Vec<f64>,
    pub captd: Vec<f64>,
    pub goals: Vec<Goal>,
}

impl Row {
    /// A row without a plain side.
    pub fn of_captd(name: &str, unit: &'static str, captd: Vec<f64>, goals: Vec<Goal>) -> Self {
        Self { name: name.to_owned(), unit, plain: Vec::new(), captd, goals }
    }

    fn ratio(&self) -> Option<f64> {
        Some(median(&self.plain)? / median(&self.captd)?)
    }

    fn has_reached(&self, goal: Goal) -> bool {
        match goal {
            Goal::Ratio(times) => self.ratio().is_some_and(|ratio| ratio >= times),
            Goal::AtMost(most) => median(&self.captd).is_some_and(|median| median <= most),
            Goal::AlwaysBelow(bound) => self.captd.iter().all(|value| *value < bound),
        }
    }

    fn goal(&self, goal: Goal) -> String {
        match goal {
            Goal::Ratio(times) => format!("≥ {times}x"),
            Goal::AtMost(most) => format!("≤ {} {}", figure(most), self.unit),
            Goal::AlwaysBelow(bound) => format!("always < {} {}", figure(bound), self.unit),
        }
    }
}

impl Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratio = self.ratio().map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.1}x"));
        let list = |texts: Vec<String>| if texts.is_empty() { "–".to_owned() } else { texts.join(", ") };
        let goals = list(self.goals.iter().map(|goal| self.goal(*goal)).collect());
        let verdict = |goal: &Goal| if self.has_reached(*goal) { "yes" } else { "no" }.to_owned();
        let reached = list(self.goals.iter().map(verdict).collect());
        let (plain, captd) = (spread(&self.plain, self.unit), spread(&self.captd, self.unit));
        write!(f, "| {} | {plain} | {captd} | {ratio} | {goals} | {reached} |", self.name)
    }
}

/// The table, and below it what it was measured on.
pub fn markdown(rows: &[Row], machine: &str) -> String {
    let mut out =
        String::from("| row | plain: min / median / max | captd: min / median / max | ratio | goal | reached |\n");
    out.push_str("|---|---|---|---|---|---|\n");
    for row in rows {
        out.push_str(&format!("{row}\n"));
    }
    format!("{out}\n{machine}")
}

/// Least, median and greatest.
pub fn spread(values: &[f64], unit: &str) -> String {
    let sorted = sorted(values);
    match (sorted.first(), median(values), sorted.last()) {
        (Some(least), Some(_), Some(_)) if values.len() == 1 => format!("{} {unit}", figure(*least)),
        (Some(least), Some(median), Some(most)) => {
            format!("{} / {} / {} {unit}", figure(*least), figure(median), figure(*most))
        }
        _ => "–".to_owned(),
    }
}

fn figure(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 1.0 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}

pub fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let (low, high) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    Some(f64::midpoint(*low, *high))
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}
