//! The crash trials: machines are made, changed and deleted on the real Terraform while a seeded
//! adversary strikes captd, its processes, its disk, its clock and the cloud. Afterwards everything
//! must be as declared, and made once.
//!
//! A few with fixed seeds are a part of the tests; `make crash-test` runs as many as one likes:
//!
//! | variable | is | default |
//! |---|---|---|
//! | `CAPTD_CRASH_TRIALS` | how many trials | the few |
//! | `CAPTD_CRASH_SEED` | seed of the first; each next one has the next number. Or the seeds, with commas | the time |
//! | `CAPTD_CRASH_CLOUD` | `local`, `aws`, or `mixed`: some on the fake AWS | `mixed` |
//! | `CAPTD_CRASH_AWS_TRIALS` | how many of mixed trials are on the fake AWS | one in twenty |
//! | `CAPTD_CRASH_AT_ONCE` | trials side by side | 4 |
//! | `CAPTD_CRASH_KEEP` | set: the folders of good trials are kept too, below the folder for temporary files | not set |

mod can_fail;
mod check;
mod clouds;
mod people;
mod processes;
mod report;
mod scenario;
mod strike;
mod trial;
mod words;
mod world;

use std::collections::HashMap;
use std::fmt;

use tokio::task::JoinSet;

use crate::support::requires;
use report::Report;
use scenario::{Cloud, Scenario};
use trial::Verdict;

/// Kinds of trouble, as the table counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Something declared is not there.
    Lost,
    /// Something is there, or was made, that was not to be.
    Doubled,
    /// It does not become as declared.
    Stuck,
    Other,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq)]
struct Trouble {
    kind: Kind,
    text: String,
}

impl Trouble {
    fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.text)
    }
}

/// Seeds of local trials that together strike every victim there is without AWS, and in which all happens that may.
const FEW: [u64; 7] = [1, 2, 3, 5, 7, 10, 13];

/// Of so many mixed trials one is on the fake AWS, where nothing else is said.
const LOCAL_FOR_ONE_AWS: u64 = 20;

/// Whether one of mixed trials is on the fake AWS: `aws` of them are, spread over all.
fn share_of_aws(index: u64, trials: u64, aws: u64) -> bool {
    let before = |index: u64| index * aws.min(trials) / trials;
    before(index) < before(index + 1)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(format!("CAPTD_CRASH_{name}")).ok().filter(|value| !value.is_empty())
}

fn number(name: &str) -> Option<u64> {
    variable(name).map(|text| parse(name, &text))
}

fn parse(name: &str, text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("CAPTD_CRASH_{name}: `{text}` is no number"))
}

/// The trials that are asked for.
fn asked_for() -> Vec<(u64, Cloud)> {
    let seeds: Vec<u64> = match (variable("SEED"), number("TRIALS")) {
        (Some(list), _) if list.contains(',') => list.split(',').map(|seed| parse("SEED", seed)).collect(),
        (_, None) => return FEW.map(|seed| (seed, Cloud::Local)).to_vec(),
        (first, Some(trials)) => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole seconds since 1970")]
            let first = first.map_or_else(|| world::now() as u64, |first| parse("SEED", &first));
            println!("{trials} trials from seed {first} on");
            (first..first + trials).collect()
        }
    };
    let (trials, on_aws) = (u64::try_from(seeds.len()).unwrap(), number("AWS_TRIALS"));
    let is_mixed_on_aws = |index: u64, seed: u64| match on_aws {
        Some(aws) => share_of_aws(index, trials, aws),
        None => seed.is_multiple_of(LOCAL_FOR_ONE_AWS),
    };
    let cloud = |index: u64, seed: u64| match variable("CLOUD").as_deref() {
        Some("aws") => Cloud::Aws,
        None | Some("mixed") if is_mixed_on_aws(index, seed) => Cloud::Aws,
        None | Some("mixed" | "local") => Cloud::Local,
        Some(other) => panic!("CAPTD_CRASH_CLOUD: `{other}` is none of local, aws, mixed"),
    };
    (0..).zip(seeds).map(|(index, seed)| (seed, cloud(index, seed))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_whatever_dies() {
    let trials = asked_for();
    let needed = if trials.iter().any(|(_, cloud)| *cloud == Cloud::Aws) { "aws" } else { "terraform" };
    if !requires(needed) {
        return;
    }
    let at_once = number("AT_ONCE").map_or(4, |n| usize::try_from(n).unwrap().max(1));
    let mut report = Report::new(trials.len());
    let mut at_work: JoinSet<Verdict> = JoinSet::new();
    let mut which = HashMap::new();
    let mut waiting = trials.into_iter();
    loop {
        while at_work.len() < at_once
            && let Some((seed, cloud)) = waiting.next()
        {
            let trial = at_work.spawn(async move { trial::run(Scenario::from_seed(seed, cloud)).await });
            which.insert(trial.id(), (seed, cloud));
        }
        let (task, verdict) = match at_work.join_next_with_id().await {
            None => break,
            Some(Ok(ended)) => ended,
            Some(Err(panic)) => (panic.id(), Verdict::of_a_panic(&panic)),
        };
        let (seed, cloud) = which.remove(&task).unwrap();
        verdict.tell(seed, cloud);
        report.take(seed, cloud, &verdict);
    }
    println!("{}", report.table());
    assert_eq!(report.failed, Vec::<u64>::new(), "trials of these seeds failed");
}
