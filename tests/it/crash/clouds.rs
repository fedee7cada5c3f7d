//! The two clouds: what they are declared to hold, and what they hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::scenario::{Declared, Deed, Harm, Machine, Scenario};
use super::words::Words;
use super::world::{Held, World};
use super::{Kind, Trouble};
use crate::support::FakeAws;

/// How both retry: soon, so that a trial is short, and without end, since faults outlast many tries.
const COMMON: &str =
    "[reconcile]\ntick_seconds = 1\nretry_base_seconds = 1\nretry_cap_seconds = 2\nretries_max = 1000\n";
const CLUSTER: &str = "demo";

pub enum CloudAtWork {
    Local(PathBuf),
    Aws(FakeAws, Vec<String>),
}

impl CloudAtWork {
    /// A folder that is a cloud.
    pub fn local(dir: &Path) -> Self {
        let folder = dir.join("cloud");
        for part in ["things", "locks", "refused"] {
            std::fs::create_dir_all(folder.join(part)).unwrap();
        }
        std::fs::write(folder.join("journal"), "").unwrap();
        std::fs::copy(support().join("cloud.sh"), folder.join("cloud.sh")).unwrap();
        Self::Local(folder)
    }

    pub async fn aws(scenario: &Scenario) -> Self {
        let aws = FakeAws::start();
        let subnets = aws.seed(CLUSTER).await;
        for fault in &scenario.faults {
            if let Harm::Rule(rule) = &fault.harm {
                aws.rule(rule).await;
            }
        }
        // The first rule that fits is taken: these come last.
        aws.rule(&json!({"creating_seconds": 6})).await;
        aws.rule(&json!({"deleting_seconds": 4})).await;
        Self::Aws(aws, subnets)
    }

    /// Lets the destruction of what is a machine's fail, or not any more; on AWS nothing of it is known.
    pub fn refuse(&self, machine: &Machine, refuses: bool) {
        let Self::Local(folder) = self else { return };
        let file = folder.join("refused").join(&machine.name);
        if refuses { std::fs::write(file, "").unwrap() } else { std::fs::remove_file(file).unwrap() }
    }

    /// captd's configuration.
    pub fn config(&self) -> String {
        match self {
            Self::Local(folder) => {
                format!(
                    "{COMMON}[templates]\ndir = {}\n[engine]\nconfine_write = [{}]\n",
                    json!(support()),
                    json!(folder)
                )
            }
            Self::Aws(aws, _) => format!("{COMMON}{}", aws.config()),
        }
    }

    /// The body that declares a machine of a scenario.
    pub fn body(&self, machine: &Machine, declared: &Declared, scenario: &Scenario) -> Value {
        let words = scenario.words.as_ref();
        let approval = if scenario.people.approve_after.is_some() { "manual" } else { "auto" };
        let mut spec = json!({
            "nodeGroupConfig": {
                "name": machine.name, "instanceType": declared.instance_type, "labels": {"change": declared.label},
                "scaling": {"minSize": 1, "maxSize": 5, "desiredSize": declared.desired},
            },
            "runPolicy": {"approval": approval},
        });
        match self {
            Self::Local(folder) => {
                spec["workspaceTemplateRef"] = json!({"name": "crash-cloud"});
                spec["variables"] = words.map_or(json!({}), |_| Words::variables());
                spec["variables"]["cloud"] = json!(folder);
                spec["variables"]["seconds"] = json!(machine.seconds);
            }
            Self::Aws(_, subnets) => {
                spec["workspaceTemplateRef"] = json!({"name": "eks-nodegroup-template"});
                spec["clusterName"] = json!(CLUSTER);
                spec["nodeGroupConfig"]["subnetIds"] = json!(subnets);
            }
        }
        json!({"apiVersion": "captd/v1", "kind": "Machine", "metadata": {"name": machine.name}, "spec": spec})
    }

    /// Lets faults of the cloud's own end, and says which of them have struck.
    pub async fn behave(&self, world: &World, scenario: &Scenario) {
        let Self::Aws(aws, _) = self else { return };
        let rules = aws.rules().await;
        for fault in &scenario.faults {
            let Harm::Rule(rule) = &fault.harm else { continue };
            let same = |taken: &&Value| {
                let is = |key: &str| rule.get(key).is_none_or(|value| taken[key] == *value);
                ["action", "throttle", "fail", "hang_seconds", "drop_answer"].iter().all(|key| is(key))
            };
            if let Some(taken) = rules.iter().find(same)
                && taken["hits"].as_u64() > Some(0)
            {
                world.struck(fault.victim, &taken.to_string());
            }
        }
        aws.behave().await;
    }

    /// What is there and should not, what is not there and should, what was made too often.
    pub async fn check(&self, world: &World, scenario: &Scenario) -> Vec<Trouble> {
        match self {
            Self::Local(folder) => check_folder(folder, world, scenario),
            Self::Aws(aws, _) => check_aws(aws, scenario).await,
        }
    }
}

fn support() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/crash_cloud")
}

/// Compares what is there with what is declared.
pub fn compare(what: &str, there: &BTreeSet<String>, declared: &BTreeSet<String>) -> Vec<Trouble> {
    let lost = declared.difference(there).map(|name| Trouble::new(Kind::Lost, format!("{what} {name} is not there")));
    let more = there
        .difference(declared)
        .map(|name| Trouble::new(Kind::Doubled, format!("{what} {name} is there undeclared")));
    lost.chain(more).collect()
}

fn check_folder(folder: &Path, world: &World, scenario: &Scenario) -> Vec<Trouble> {
    let there = std::fs::read_dir(folder.join("things")).unwrap().flatten();
    let there: BTreeSet<String> = there.map(|entry| entry.file_name().into_string().unwrap()).collect();
    let declared = scenario.machines.iter().filter_map(|machine| Some(things(machine, machine.last()?))).flatten();
    let mut troubles = compare("the thing", &there, &declared.collect());
    let journal = std::fs::read_to_string(folder.join("journal")).unwrap();
    let interrupted = Interrupted { killed: world.killed_terraforms(), canceled: world.canceled_terraforms() };
    troubles.extend(check_journal(&journal, &interrupted, &scenario.machines));
    troubles.extend(check_held(&journal, &interrupted, &world.locks_held()));
    troubles
}

/// What was made too often, and what was worked on by two at one time.
pub fn check_journal(journal: &str, interrupted: &Interrupted, machines: &[Machine]) -> Vec<Trouble> {
    let at_most: BTreeMap<String, u32> = machines.iter().flat_map(creations_at_most).collect();
    let lines = lines_of(journal);
    let counts = |line: &&Line<'_>| {
        line.word == "created"
            && !is_replacing(line, &lines, &interrupted.killed)
            && !is_given_up(line, &lines, interrupted)
    };
    let mut created: BTreeMap<&str, u32> = BTreeMap::new();
    for line in lines.iter().filter(counts) {
        *created.entry(line.name).or_default() += 1;
    }
    let mut troubles = Vec::new();
    for (name, times) in created {
        let limit = at_most.get(name).copied().unwrap_or_default();
        if times > limit {
            let text = format!("{name} was created {times} times, and was to be {limit} times");
            troubles.push(Trouble::new(Kind::Doubled, text));
        }
    }
    troubles.extend(overlaps(&lines, interrupted));
    troubles
}

/// Terraforms that did not come to their own end, by their pids.
#[derive(Debug, Default)]
pub struct Interrupted {
    pub killed: BTreeSet<u32>,
    /// Asked to end, by force or not.
    pub canceled: BTreeSet<u32>,
}

impl Interrupted {
    /// What such a terraform has begun goes on by itself.
    fn has(&self, terraform: u32) -> bool {
        self.killed.contains(&terraform) || self.canceled.contains(&terraform)
    }
}

fn lines_of(journal: &str) -> Vec<Line<'_>> {
    journal.lines().map(|line| Line::parse(line).unwrap_or_else(|| panic!("no line of a journal: {line}"))).collect()
}

/// What was begun for a machine while a person held its lock.
pub fn check_held(journal: &str, interrupted: &Interrupted, held: &[Held]) -> Vec<Trouble> {
    let lines = lines_of(journal);
    let begun = lines.iter().filter(|line| line.word == "begin" && !interrupted.has(line.terraform));
    let clashes = begun.flat_map(|line| {
        let of_it = held.iter().filter(|held| held.machine == line.machine());
        of_it.filter(|held| held.from < line.time && line.time < held.to).map(move |_| line)
    });
    clashes
        .map(|line| Trouble::new(Kind::Doubled, format!("{} was worked on while a person held its lock", line.name)))
        .collect()
}

/// Whether a canceled terraform has made this and not to its end: its provisioner was interrupted, so that the state
/// has it as damaged, and the next one makes it anew.
fn is_given_up(created: &Line<'_>, lines: &[Line<'_>], interrupted: &Interrupted) -> bool {
    let gone = |line: &&Line<'_>| line.word == "destroyed" && line.name == created.name && line.time > created.time;
    interrupted.canceled.contains(&created.terraform) && lines.iter().any(|line| gone(&line))
}

/// Whether a killed terraform has made this in the place of what it had destroyed. The state has the
/// first one still, and the folder cannot be asked, so the replacement is made once more. What AWS has
/// can be asked for.
fn is_replacing(created: &Line<'_>, lines: &[Line<'_>], killed: &BTreeSet<u32>) -> bool {
    let by_the_same = |line: &&Line<'_>| line.terraform == created.terraform && line.name == created.name;
    killed.contains(&created.terraform) && lines.iter().filter(by_the_same).any(|line| line.word == "destroyed")
}

fn things(machine: &Machine, declared: &Declared) -> Vec<String> {
    let nodes = (0..declared.desired).map(|n| format!("node.{}.{n}", machine.name));
    nodes.chain([format!("group.{}", machine.name)]).collect()
}

/// How often each thing of a machine was to come into being, when every declaration is brought into
/// force.
fn creations_at_most(machine: &Machine) -> BTreeMap<String, u32> {
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    let mut before: Option<&Declared> = None;
    for (_, deed) in &machine.deeds {
        let now = match deed {
            Deed::Declare(declared) => Some(declared),
            Deed::Delete => None,
        };
        let had = before.map(|declared| things(machine, declared)).unwrap_or_default();
        let has = now.map(|declared| things(machine, declared)).unwrap_or_default();
        let replaced = matches!((before, now), (Some(a), Some(b)) if a.instance_type != b.instance_type);
        for name in has {
            if !had.contains(&name) || (replaced && name.starts_with("group.")) {
                *times.entry(name).or_default() += 1;
            }
        }
        before = now;
    }
    times
}

/// A line of the folder's journal.
struct Line<'a> {
    time: f64,
    word: &'a str,
    name: &'a str,
    pid: &'a str,
    terraform: u32,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split(' ');
        let (time, word, _verb) = (fields.next()?.parse().ok()?, fields.next()?, fields.next()?);
        let (name, pid) = (fields.next()?, fields.next()?);
        Some(Self { time, word, name, pid, terraform: fields.next()?.parse().ok()? })
    }

    fn machine(&self) -> &'a str {
        self.name.split('.').nth(1).unwrap_or_default()
    }
}

/// Two terraforms at work for one machine at one time. What a killed one left goes on by itself and
/// does not count.
fn overlaps(lines: &[Line<'_>], interrupted: &Interrupted) -> Vec<Trouble> {
    let mut works: Vec<(&str, u32, f64, f64)> = Vec::new();
    for begin in lines.iter().filter(|line| line.word == "begin" && !interrupted.has(line.terraform)) {
        let end = lines.iter().find(|line| line.word == "end" && line.pid == begin.pid && line.time >= begin.time);
        works.push((begin.machine(), begin.terraform, begin.time, end.map_or(f64::INFINITY, |end| end.time)));
    }
    let mut troubles = Vec::new();
    for (n, a) in works.iter().enumerate() {
        let clashes = works[n + 1..].iter().filter(|b| a.0 == b.0 && a.1 != b.1 && a.2 < b.3 && b.2 < a.3);
        troubles.extend(clashes.map(|b| {
            Trouble::new(Kind::Doubled, format!("two terraforms ({} and {}) worked on {} at one time", a.1, b.1, a.0))
        }));
    }
    troubles
}

async fn check_aws(aws: &FakeAws, scenario: &Scenario) -> Vec<Trouble> {
    let present = || scenario.machines.iter().filter_map(|machine| Some((machine, machine.last()?)));
    let names: BTreeSet<String> = present().map(|(machine, _)| machine.name.clone()).collect();
    let there = aws.node_groups(CLUSTER).await.into_iter().collect();
    let mut troubles = compare("the node group", &there, &names);
    let roles = aws.roles().await.into_iter().filter(|name| name.starts_with(&format!("{CLUSTER}.")));
    let expected = names.iter().map(|name| role(name)).collect();
    troubles.extend(compare("the role", &roles.collect(), &expected));
    for (machine, declared) in present() {
        let Some(found) = aws.describe(CLUSTER, &machine.name).await else { continue };
        let desired = &found["scalingConfig"]["desiredSize"];
        if *desired != json!(declared.desired) || found["status"] != "ACTIVE" {
            troubles.push(Trouble::new(Kind::Lost, format!("{} is not as declared: {found}", machine.name)));
        }
    }
    troubles.extend(too_often(&aws.calls().await, &scenario.machines));
    troubles
}

/// The name of a machine's role.
fn role(machine: &str) -> String {
    format!("{CLUSTER}.{machine}.eu-central-1.node")
}

/// Node groups and roles that were made more often than they were to exist.
pub fn too_often(calls: &[Value], machines: &[Machine]) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    for machine in machines {
        let limit = creations_at_most(machine)[&format!("group.{}", machine.name)];
        for (action, name) in [("CreateNodegroup", machine.name.clone()), ("CreateRole", role(&machine.name))] {
            let of_it = calls.iter().filter(|call| call["action"] == action && call["makes"] == name.as_str());
            let worked = of_it.filter(|call| call["status"] == 200 || call["worked_status"] == 200).enumerate();
            // The same token again makes nothing.
            let made = worked.map(|(n, call)| call["token"].as_str().map_or(n.to_string(), str::to_owned));
            let times = made.collect::<BTreeSet<String>>().len();
            if times > limit as usize {
                let text = format!("{action} made {name} {times} times, and was to make it {limit} times");
                troubles.push(Trouble::new(Kind::Doubled, text));
            }
        }
    }
    troubles
}
