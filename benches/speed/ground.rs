//! What all rows stand on: the fake AWS, a daemon with its machines, a folder for the plain side.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::plain::{cores, terraform_version};
use super::processes;
use super::settings::Settings;
use crate::support::{Daemon, FakeAws, until};

/// How often a run is looked at. Its times are captd's own; a look costs the daemon something.
const LOOK: Duration = Duration::from_millis(100);
/// Far more than any row takes.
const GIVE_UP: Duration = Duration::from_hours(1);
/// Node groups of a cluster.
const PER_CLUSTER: usize = 15;
/// Machines that are declared in one request.
const PER_REQUEST: usize = 50;
/// No run but those that are asked for.
const CONFIG: &str = "[reconcile]\nobserve_interval_seconds = 86400\n";

pub struct Ground {
    pub settings: Settings,
    pub aws: FakeAws,
    daemon: Option<Daemon>,
    /// Subnets by cluster.
    clusters: HashMap<String, Vec<String>>,
    plain: TempDir,
    /// Processes that wanted a core in the minute before.
    load_before: String,
}

/// Seconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
pub fn now() -> f64 {
    seconds(Timestamp::now())
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of now have 51 bits")]
fn seconds(at: Timestamp) -> f64 {
    at.as_microsecond() as f64 / 1e6
}

/// A time that captd tells.
pub fn at(run: &Value, field: &str) -> f64 {
    seconds(run[field].as_str().unwrap_or_else(|| panic!("no {field} in {run}")).parse().unwrap())
}

/// Seconds from a run's commit to its end.
pub fn took(run: &Value) -> f64 {
    at(run, "finishedAt") - at(run, "createdAt")
}

fn start(dir: TempDir) -> Daemon {
    // What captd does by itself: the tests want it to look more often.
    Daemon::start_program(dir, Path::new(env!("CARGO_BIN_EXE_captd")), &[("CAPTD_RECONCILE__TICK_SECONDS", "5")])
}

impl Ground {
    pub fn start(settings: Settings) -> Self {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap();
        let load_before = load.split_whitespace().next().unwrap().to_owned();
        let aws = FakeAws::start();
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.path().join("captd.toml"), format!("{}{CONFIG}", aws.config())).unwrap();
        let daemon = Some(start(dir));
        Self { settings, aws, daemon, clusters: HashMap::new(), plain: TempDir::new().unwrap(), load_before }
    }

    pub async fn end(mut self) {
        self.daemon.take().unwrap().stop().await;
    }

    fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    /// The folder that all of captd's processes name.
    pub fn dir(&self) -> &Path {
        self.daemon().dir()
    }

    pub fn data(&self) -> PathBuf {
        self.dir().join("data")
    }

    /// Ends the daemon and all that it has left, and starts it again. Gives back when it was started.
    pub async fn restart(&mut self) -> f64 {
        let daemon = self.daemon.take().unwrap();
        let dir = daemon.stop().await;
        until("no process is left", async || processes::of(dir.path()).is_empty().then_some(())).await;
        let begun = now();
        self.daemon = Some(start(dir));
        begun
    }

    pub fn new_plain_folder(&self, name: &str) -> PathBuf {
        self.plain.path().join(name)
    }

    pub fn plain_dir(&self) -> &Path {
        self.plain.path()
    }

    /// Machines of one resource, a node group with a role that exists; those that are there already
    /// stay as they are.
    pub async fn machines(&mut self, name: &str, count: usize) -> Vec<String> {
        let names: Vec<String> = (0..count).map(|number| format!("{name}-{number:03}")).collect();
        let mut documents = Vec::new();
        for (number, machine) in names.iter().enumerate() {
            let cluster = format!("{name}-{}", number / PER_CLUSTER);
            documents.push(self.document(machine, &cluster, true).await);
        }
        self.declare(&documents).await;
        names
    }

    /// One machine; without a role that exists, of five resources.
    pub async fn machine(&mut self, name: &str, has_role: bool) -> String {
        let document = self.document(name, "single", has_role).await;
        self.declare(&[document]).await;
        self.wait_until_ready(&[name.to_owned()]).await;
        name.to_owned()
    }

    async fn document(&mut self, name: &str, cluster: &str, has_role: bool) -> Value {
        if !self.clusters.contains_key(cluster) {
            let subnets = self.aws.seed(cluster).await;
            self.clusters.insert(cluster.to_owned(), subnets);
        }
        let mut node_group = json!({
            "name": name, "instanceType": "t3.medium", "subnetIds": self.clusters[cluster],
            "scaling": {"minSize": 1, "maxSize": 9, "desiredSize": 2},
        });
        if has_role {
            // The seed makes it, in moto's account.
            node_group["nodeRoleArn"] = json!(format!("arn:aws:iam::123456789012:role/{cluster}-eu-central-1-node"));
        }
        json!({
            "apiVersion": "captd/v1", "kind": "Machine", "metadata": {"name": name},
            "spec": {"workspaceTemplateRef": {"name": "eks-nodegroup-template"}, "clusterName": cluster, "nodeGroupConfig": node_group},
        })
    }

    pub async fn declare(&self, documents: &[Value]) {
        for some in documents.chunks(PER_REQUEST) {
            let texts: Vec<String> = some.iter().map(Value::to_string).collect();
            let answer = self.daemon().apply(&texts.join("\n---\n")).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
    }

    /// The first runs of a namespace that holds so many workspaces and machines, once all are Ready.
    pub async fn first_runs(&self, workspaces: usize, machines: usize) -> Vec<Value> {
        patiently("all of the stack is ready", async || {
            for (kind, count) in [("workspaces", workspaces), ("machines", machines)] {
                let path = format!("/v1/namespaces/default/{kind}?phase=Ready&limit=500");
                let ready = self.daemon().get(&path).await.json()["items"].as_array().unwrap().len();
                if ready < count {
                    return None;
                }
            }
            Some(())
        })
        .await;
        let runs = self.daemon().get("/v1/runs?namespace=default&limit=500").await.json();
        runs["items"].as_array().unwrap().iter().filter(|run| run["trigger"] == "spec").cloned().collect()
    }

    /// Deletes a workspace with all that needs it, and waits until nothing is declared.
    pub async fn delete_all_with(&self, workspace: &str) {
        let answer = self.daemon().delete(&format!("/v1/namespaces/default/workspaces/{workspace}?cascade=true")).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        patiently("the stack is gone", async || {
            let status = self.daemon().get("/v1/namespaces/default").await.json()["status"].clone();
            (status["workspaces"] == 0).then_some(())
        })
        .await;
    }

    /// Waits until these machines are ready.
    pub async fn wait_until_ready(&self, names: &[String]) {
        let mut left: Vec<&String> = names.iter().collect();
        patiently("machines are ready", async || {
            while let Some(name) = left.last() {
                let status = self.daemon().machine(name).await["status"].clone();
                assert_ne!(status["phase"], "Failed", "{name}: {status}");
                if status["ready"] != true {
                    return None;
                }
                left.pop();
            }
            Some(())
        })
        .await;
    }

    /// Posts a verb and gives back the run that it has started.
    pub async fn ask(&self, machine: &str, verb: &str, body: &Value) -> Value {
        let answer = self.daemon().post(&format!("/v1/namespaces/default/machines/{machine}/{verb}"), body).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        answer.json()["run"].clone()
    }

    pub async fn run(&self, id: &str) -> Value {
        self.daemon().run(id).await
    }

    /// Runs of a machine, newest first.
    pub async fn runs(&self, machine: &str) -> Vec<Value> {
        self.daemon().runs(machine).await
    }

    /// The run when it is over; it must have ended in `state`.
    pub async fn ended(&self, run: &Value, state: &str) -> Value {
        let id = run["id"].as_str().unwrap();
        let ended = async || Some(self.run(id).await).filter(|run| run.get("finishedAt").is_some());
        let run = patiently("a run is over", ended).await;
        assert_eq!(run["state"], state, "{run}");
        run
    }

    /// A no-op run from its beginning to its end.
    pub async fn no_op(&self, machine: &str) -> Value {
        let run = self.ask(machine, "plan", &json!({})).await;
        self.ended(&run, "unchanged").await
    }

    /// No-op runs that are handed in at once, when all are over.
    pub async fn no_ops(&self, machines: &[String]) -> Vec<Value> {
        let mut asked = Vec::new();
        for machine in machines {
            asked.push(self.ask(machine, "plan", &json!({})).await);
        }
        let mut ended = Vec::new();
        for run in &asked {
            ended.push(self.ended(run, "unchanged").await);
        }
        ended
    }

    /// Where a run works.
    pub fn workspace(&self, run: &Value) -> PathBuf {
        captd::supervisor::confine::work_dir(&self.data().join("runs").join(run["id"].as_str().unwrap()))
    }

    /// Terraform's state of a machine.
    pub async fn state(&self, machine: &str) -> String {
        let answer = self.daemon().get(&format!("/v1/namespaces/default/machines/{machine}/state")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.text
    }

    /// On what it was measured.
    pub fn machine_line(&self) -> String {
        let memory = std::fs::read_to_string("/proc/meminfo").unwrap();
        let kib: u64 = memory.lines().next().unwrap().split_whitespace().nth(1).unwrap().parse().unwrap();
        let Settings { runs, plain_runs, .. } = self.settings;
        #[expect(clippy::disallowed_methods, reason = "the day of the measurement")]
        let today = Timestamp::now().strftime("%Y-%m-%d");
        let build = if cfg!(debug_assertions) { "debug" } else { "release" };
        format!(
            "Measured on {today} on {} cores with {} GiB (load before: {}), Terraform {}, AWS provider {}, captd {} as a {build} build; captd {runs} times, the plain side {plain_runs} times.",
            cores(),
            kib.div_ceil(1 << 20),
            self.load_before,
            terraform_version(),
            self.provider_version(),
            env!("CARGO_PKG_VERSION"),
        )
    }

    fn provider_version(&self) -> String {
        let revisions = std::fs::read_dir(self.data().join("revisions")).unwrap().flatten();
        let mut locks =
            revisions.filter_map(|entry| std::fs::read_to_string(entry.path().join(".terraform.lock.hcl")).ok());
        let version = |lock: String| Some(lock.split_once("version")?.1.split('"').nth(1)?.to_owned());
        locks.find_map(version).unwrap_or_else(|| "of no run".to_owned())
    }
}

/// Asks until there is an answer.
async fn patiently<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(GIVE_UP, asking).await.unwrap_or_else(|_| panic!("waited in vain until {what}"))
}
