//! What a trial does and suffers, all of it made from its seed before it begins.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use super::people::{Event, People};
use super::words::Words;

/// Which cloud serves a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    /// A folder, by `tests/support/crash_cloud`.
    Local,
    /// The fake AWS, by the built-in EKS template.
    Aws,
}

impl Cloud {
    pub fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Aws => "aws",
        }
    }
}

/// What is struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Victim {
    Daemon,
    DaemonAway,
    Supervisor,
    Terraform,
    Provider,
    Gateway,
    Disk,
    Database,
    Clock,
    AwsThrottles,
    AwsFails,
    AwsHangs,
    AwsDropsAnswers,
    GatewayHangs,
    ProviderHangs,
}

impl Victim {
    pub const ALL: [Self; 15] = [
        Self::Daemon,
        Self::DaemonAway,
        Self::Supervisor,
        Self::Terraform,
        Self::Provider,
        Self::Gateway,
        Self::Disk,
        Self::Database,
        Self::Clock,
        Self::AwsThrottles,
        Self::AwsFails,
        Self::AwsHangs,
        Self::AwsDropsAnswers,
        Self::GatewayHangs,
        Self::ProviderHangs,
    ];

    /// Victims of a trial in the folder.
    pub const LOCAL: [Self; 7] =
        [Self::Daemon, Self::DaemonAway, Self::Supervisor, Self::Terraform, Self::Disk, Self::Database, Self::Clock];

    pub fn words(self) -> &'static str {
        match self {
            Self::Daemon => "daemon killed, and started again at once",
            Self::DaemonAway => "daemon killed, and away for up to a minute",
            Self::Supervisor => "supervisor killed",
            Self::Terraform => "terraform killed",
            Self::Provider => "provider killed, which all runs share",
            Self::Gateway => "gateway killed",
            Self::Disk => "data folder full",
            Self::Database => "database locked by another process",
            Self::Clock => "clock jumps by hours",
            Self::AwsThrottles => "AWS throttles",
            Self::AwsFails => "AWS fails",
            Self::AwsHangs => "AWS hangs",
            Self::AwsDropsAnswers => "AWS works and drops the answer",
            Self::GatewayHangs => "gateway stopped (SIGSTOP), and going on after a while",
            Self::ProviderHangs => "provider stopped (SIGSTOP), and going on after a while",
        }
    }
}

/// What happens to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Harm {
    /// SIGKILL of the daemon, which is started again after this time.
    KillDaemon(Duration),
    KillSupervisor,
    KillTerraform,
    KillProvider,
    KillGateway,
    /// The gateway answers nothing for this time.
    HangGateway(Duration),
    /// A provider answers nothing for this time.
    HangProvider(Duration),
    /// The disk of the data folder is full for this time.
    FillDisk(Duration),
    /// Another process holds the database for this time.
    LockDatabase(Duration),
    /// captd's clock moves by these seconds and, where a time is given, back again after it.
    MoveClock(i64, Option<Duration>),
    /// A rule of the fake AWS, set before the trial begins: it strikes when its action is called.
    Rule(Value),
}

/// When it happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Moment {
    /// So long after the beginning.
    After(Duration),
    /// So long after the `nth` of these commands was begun, counted from 0.
    Into { command: &'static str, nth: usize, then: Duration },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub victim: Victim,
    pub moment: Moment,
    pub harm: Harm,
}

/// What a machine is declared to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    pub desired: u32,
    pub label: String,
    pub instance_type: String,
}

/// What its owner does with a machine.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    Declare(Declared),
    Delete,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    pub name: String,
    /// How long the folder takes for each thing.
    pub seconds: f64,
    /// How long its destruction fails once it is to be gone; it is edited meanwhile.
    pub refused: Option<Duration>,
    /// What is done, each after a pause.
    pub deeds: Vec<(Duration, Deed)>,
}

impl Machine {
    /// What it is to be in the end; `None`: gone.
    pub fn last(&self) -> Option<&Declared> {
        match &self.deeds.last()?.1 {
            Deed::Declare(declared) => Some(declared),
            Deed::Delete => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    pub seed: u64,
    pub cloud: Cloud,
    pub machines: Vec<Machine>,
    pub faults: Vec<Fault>,
    /// What the machines take in of others, if anything.
    pub words: Option<Words>,
    /// Who has a hand in it.
    pub people: People,
}

impl Scenario {
    pub fn from_seed(seed: u64, cloud: Cloud) -> Self {
        let mut rng = Rng::with_seed(seed);
        let (machines, faults) = match cloud {
            Cloud::Local => (rng.usize(1..=4), rng.usize(1..=3)),
            Cloud::Aws => (rng.usize(1..=2), rng.usize(1..=2)),
        };
        let mut machines: Vec<Machine> = (0..machines).map(|n| machine(&mut rng, n, cloud)).collect();
        let deeds = machines.iter().map(|machine| machine.deeds.len()).sum();
        let faults = (0..faults).map(|_| fault(&mut rng, cloud, deeds)).collect();
        let words = (cloud == Cloud::Local && rng.bool()).then(|| Words::from_rng(&mut rng));
        let people = People::from_rng(&mut rng, cloud, deeds);
        let words = words.map(|words| words.with_outputs_alone(rng.bool()));
        let ends = machines.iter_mut().filter(|machine| cloud == Cloud::Local && machine.last().is_none());
        for machine in ends {
            machine.refused = rng.bool().then(|| seconds(&mut rng, 0.5, 3.0));
        }
        Self { seed, cloud, machines, faults, words, people }
    }

    /// The folder cannot be asked what is in it, so what a killed or interrupted terraform made and did not record
    /// is found again only by making it again. Until then its declaration stays as it is.
    pub fn is_patient(&self) -> bool {
        self.cloud == Cloud::Local && (self.leaves_doubt() || self.people.have(Event::Cancel))
    }

    /// Whether an apply may end without a record of what it made.
    pub fn leaves_doubt(&self) -> bool {
        self.people.have(Event::ForcedCancel) || self.faults.iter().any(|fault| fault.harm == Harm::KillTerraform)
    }

    pub fn has(&self, victim: Victim) -> bool {
        self.faults.iter().any(|fault| fault.victim == victim)
    }
}

pub fn seconds(rng: &mut Rng, from: f64, to: f64) -> Duration {
    Duration::from_secs_f64(from + (to - from) * rng.f64())
}

fn machine(rng: &mut Rng, n: usize, cloud: Cloud) -> Machine {
    let slow = if cloud == Cloud::Aws { 20.0 } else { 1.0 };
    let mut declared =
        Declared { desired: rng.u32(1..=3), label: "first".to_owned(), instance_type: "t3.medium".to_owned() };
    let mut deeds = vec![(seconds(rng, 0.0, 1.0), Deed::Declare(declared.clone()))];
    let changes = if cloud == Cloud::Aws { rng.usize(0..=1) } else { rng.usize(0..=3) };
    for change in 0..changes {
        match rng.u32(0..10) {
            0..=5 => declared.desired = 1 + (declared.desired + rng.u32(0..2)) % 3,
            6..=8 => declared.label = format!("change-{change}"),
            _ if cloud == Cloud::Local => declared.instance_type = format!("m{change}.large"),
            _ => declared.desired = 1 + declared.desired % 3,
        }
        deeds.push((seconds(rng, 0.0, 3.0 * slow), Deed::Declare(declared.clone())));
    }
    if rng.u32(0..10) < 4 {
        deeds.push((seconds(rng, 0.0, 3.0 * slow), Deed::Delete));
        if rng.u32(0..10) < 3 {
            deeds.push((seconds(rng, 0.0, 1.0), Deed::Declare(declared)));
        }
    }
    let hundredths = rng.u32(10..=150);
    Machine { name: format!("m{n}"), seconds: f64::from(hundredths) / 100.0, refused: None, deeds }
}

fn fault(rng: &mut Rng, cloud: Cloud, deeds: usize) -> Fault {
    let victims: &[Victim] = if cloud == Cloud::Aws { &Victim::ALL } else { &Victim::LOCAL };
    let victim = *rng.choice(victims).expect("there are victims");
    let harm = match victim {
        Victim::Daemon => Harm::KillDaemon(seconds(rng, 0.0, 0.5)),
        Victim::DaemonAway if rng.u32(0..20) == 0 => Harm::KillDaemon(Duration::from_mins(1)),
        Victim::DaemonAway => Harm::KillDaemon(seconds(rng, 1.0, 8.0)),
        Victim::Supervisor => Harm::KillSupervisor,
        Victim::Terraform => Harm::KillTerraform,
        Victim::Provider => Harm::KillProvider,
        Victim::Gateway => Harm::KillGateway,
        Victim::GatewayHangs => Harm::HangGateway(seconds(rng, 1.0, 20.0)),
        Victim::ProviderHangs => Harm::HangProvider(seconds(rng, 1.0, 20.0)),
        Victim::Disk => Harm::FillDisk(seconds(rng, 0.5, 6.0)),
        Victim::Database => Harm::LockDatabase(seconds(rng, 0.5, 12.0)),
        Victim::Clock => {
            let jump = rng.i64(3_600..43_200) * if rng.bool() { 1 } else { -1 };
            Harm::MoveClock(jump, rng.bool().then(|| seconds(rng, 0.1, 5.0)))
        }
        Victim::AwsThrottles => rule(rng, &json!({"throttle": true})),
        Victim::AwsFails => {
            let fail = json!({"status": 500, "code": "InternalFailure", "message": "An internal error has occurred"});
            rule(rng, &json!({"fail": fail}))
        }
        Victim::AwsHangs => {
            let hang = rng.u32(2..20);
            rule(rng, &json!({"hang_seconds": hang}))
        }
        Victim::AwsDropsAnswers => rule(rng, &json!({"drop_answer": true})),
    };
    Fault { victim, moment: moment(rng, victim, cloud, deeds), harm }
}

fn rule(rng: &mut Rng, effect: &Value) -> Harm {
    // What every machine needs comes more than once.
    const ACTIONS: [&str; 12] = [
        "CreateNodegroup",
        "CreateNodegroup",
        "CreateNodegroup",
        "CreateRole",
        "DescribeNodegroup",
        "DescribeNodegroup",
        "DeleteNodegroup",
        "UpdateNodegroupConfig",
        "CreateRole",
        "GetRole",
        "DeleteRole",
        "AttachRolePolicy",
    ];
    let mut rule = effect.clone();
    rule["action"] = json!(rng.choice(ACTIONS).expect("there are actions"));
    rule["times"] = json!(rng.u32(1..=4));
    Harm::Rule(rule)
}

fn moment(rng: &mut Rng, victim: Victim, cloud: Cloud, deeds: usize) -> Moment {
    let has_to_be_at_work = matches!(
        victim,
        Victim::Supervisor
            | Victim::Terraform
            | Victim::Provider
            | Victim::Gateway
            | Victim::GatewayHangs
            | Victim::ProviderHangs
    );
    if !has_to_be_at_work && rng.u32(0..10) < 3 {
        return Moment::After(seconds(rng, 0.0, if cloud == Cloud::Aws { 60.0 } else { 8.0 }));
    }
    moment_of_work(rng, cloud, deeds)
}

/// While a command of a run is at work.
pub fn moment_of_work(rng: &mut Rng, cloud: Cloud, deeds: usize) -> Moment {
    let command = if rng.u32(0..10) < 7 { "apply" } else { "plan" };
    let then = match (cloud, command) {
        (Cloud::Local, "plan") => seconds(rng, 0.0, 0.1),
        (Cloud::Local, _) => seconds(rng, 0.0, 2.0),
        (Cloud::Aws, "plan") => seconds(rng, 0.0, 1.0),
        (Cloud::Aws, _) => seconds(rng, 0.0, 12.0),
    };
    // On AWS, where a trial is long, only what is sure to come.
    let nth = rng.usize(0..if cloud == Cloud::Aws { deeds.min(3) } else { 3 });
    Moment::Into { command, nth, then }
}
