//! What many trials come to: lines while they go on, and a table by victim.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::people::Event;
use super::scenario::{Cloud, Victim};
use super::trial::Verdict;
use super::world::now;
use super::{Kind, Trouble};

/// Trials between two lines, and seconds after which one comes all the same.
const TRIALS_A_LINE: usize = 25;
const SECONDS_A_LINE: f64 = 60.0;

/// Of so few trials each has a line of its own.
const TOLD_EACH_MAX: usize = 20;

#[derive(Default, Clone)]
struct Row {
    trials: usize,
    lost: usize,
    doubled: usize,
    stuck: usize,
    other: usize,
}

impl Row {
    fn count(&mut self, troubles: &[Trouble]) {
        let has = |kind| usize::from(troubles.iter().any(|trouble| trouble.kind == kind));
        self.trials += 1;
        self.lost += has(Kind::Lost);
        self.doubled += has(Kind::Doubled);
        self.stuck += has(Kind::Stuck);
        self.other += has(Kind::Other);
    }

    fn write(&self, into: &mut String, name: &str) {
        let Self { trials, lost, doubled, stuck, other } = self;
        writeln!(into, "| {name} | {trials} | {lost} | {doubled} | {stuck} | {other} |").unwrap();
    }
}

pub struct Report {
    of: usize,
    began: f64,
    told: (usize, f64),
    done: usize,
    pub failed: Vec<u64>,
    seconds: BTreeMap<&'static str, (usize, f64)>,
    victims: BTreeMap<Victim, Row>,
    events: BTreeMap<Event, Row>,
    nobody: Row,
    all: Row,
}

impl Report {
    pub fn new(of: usize) -> Self {
        let began = now();
        Self {
            of,
            began,
            told: (0, began),
            done: 0,
            failed: Vec::new(),
            seconds: BTreeMap::new(),
            victims: BTreeMap::new(),
            events: BTreeMap::new(),
            nobody: Row::default(),
            all: Row::default(),
        }
    }

    /// Takes in how one trial ended.
    pub fn take(&mut self, seed: u64, cloud: Cloud, verdict: &Verdict) {
        self.done += 1;
        let (trials, seconds) = self.seconds.entry(cloud.word()).or_default();
        *trials += 1;
        *seconds += verdict.seconds;
        if !verdict.troubles.is_empty() {
            self.failed.push(seed);
        }
        self.all.count(&verdict.troubles);
        for victim in &verdict.struck {
            self.victims.entry(*victim).or_default().count(&verdict.troubles);
        }
        for event in &verdict.events {
            self.events.entry(*event).or_default().count(&verdict.troubles);
        }
        if verdict.struck.is_empty() {
            self.nobody.count(&verdict.troubles);
        }
        if self.of <= TOLD_EACH_MAX {
            let struck: Vec<&str> = verdict.struck.iter().map(|victim| victim.words()).collect();
            let events: Vec<&str> = verdict.events.iter().map(|event| event.words()).collect();
            println!("trial {seed} ({}): {:.1} s, struck: {struck:?}, {events:?}", cloud.word(), verdict.seconds);
        }
        let time = now();
        if self.done >= self.told.0 + TRIALS_A_LINE || time - self.told.1 > SECONDS_A_LINE {
            self.told = (self.done, time);
            let each = (time - self.began) / as_f64(self.done);
            let rest = each * as_f64(self.of - self.done) / 60.0;
            let (done, of, failed) = (self.done, self.of, self.failed.len());
            println!("{done} of {of} trials, {failed} failed, {each:.1} s a trial, about {rest:.0} min to go");
        }
    }

    /// The table, in Markdown.
    pub fn table(&self) -> String {
        let mut table = String::from(
            "| what was struck, and what happened | trials | lost | doubled | stuck | other |\n|---|---|---|---|---|---|\n",
        );
        for victim in Victim::ALL {
            self.victims.get(&victim).cloned().unwrap_or_default().write(&mut table, victim.words());
        }
        self.nobody.write(&mut table, "nothing: its moment did not come");
        for event in Event::ALL {
            self.events.get(&event).cloned().unwrap_or_default().write(&mut table, event.words());
        }
        self.all.write(&mut table, "all trials");
        let minutes = (now() - self.began) / 60.0;
        let each = self.seconds.iter().map(|(cloud, (trials, seconds))| {
            format!("{trials} {cloud} trials of {:.1} s each", seconds / as_f64(*trials))
        });
        writeln!(table, "\n{minutes:.1} min: {}", each.collect::<Vec<_>>().join(", ")).unwrap();
        table
    }
}

fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
