//! Whose credentials a call bears: those of the one for whom it is made, and as they are now.
//!
//! `CAPTD_INTERLEAVED_RUNS` says how many interleaved runs there are.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Daemon, FakeAws, Setup, requires, until};

/// Interleaved runs, unless somebody wishes for more.
const RUNS: usize = 12;
/// Two provider configurations: what they are called, and their access keys.
const ONE: (&str, &str) = ("one", "AKIAOFTHEONE");
const TWO: (&str, &str) = ("two", "AKIAOFTHETWO");

fn machine(name: &str, configuration: &str, subnets: &[String]) -> Value {
    json!({
        "apiVersion": "captd/v1", "kind": "Machine", "metadata": {"name": name},
        "spec": {
            "workspaceTemplateRef": {"name": "eks-nodegroup-template"},
            "providerConfigRef": {"name": configuration},
            "clusterName": "demo",
            "nodeGroupConfig": {"name": name, "instanceType": "t3.medium", "subnetIds": subnets,
                "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 2}},
        },
    })
}

async fn create(daemon: &Daemon, name: &str, configuration: &str, subnets: &[String]) {
    let created = daemon.post("/v1/namespaces/default/machines", &machine(name, configuration, subnets)).await;
    assert_eq!(created.status, 201, "{}", created.text);
}

/// Plans a machine, which changes nothing.
async fn plan(daemon: &Daemon, name: &str) {
    let run = daemon.ask(name, "plan", &json!({})).await;
    let run = daemon.wait_for_end(&run).await;
    assert_eq!(run["state"], "unchanged", "{run}");
}

async fn plan_often(daemon: &Daemon, name: &str, times: usize) {
    for _ in 0..times {
        plan(daemon, name).await;
    }
}

/// Calls that are about a machine, and their access keys.
fn keys_of<'a>(journal: &'a [Value], name: &str) -> Vec<&'a str> {
    let calls = journal.iter().filter(|call| call["about"].as_str().is_some_and(|about| about.contains(name)));
    calls.map(|call| call["access_key"].as_str().unwrap_or("none")).collect()
}

#[tokio::test]
async fn each_call_bears_the_key_of_its_own_run() {
    if !requires("aws") {
        return;
    }
    let wished = std::env::var("CAPTD_INTERLEAVED_RUNS").ok();
    let runs = wished.map_or(RUNS, |text| text.parse().expect("CAPTD_INTERLEAVED_RUNS is a number"));
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let configuration = |(name, key): (&str, &str)| {
        format!(
            "[providers.aws.{name}]\nregion = \"eu-central-1\"\naccess_key = \"{key}\"\nsecret_key = \"secret-{name}\"\nendpoint_url = \"{}\"\n",
            aws.url()
        )
    };
    let daemon = Daemon::start_with(Setup { config: configuration(ONE) + &configuration(TWO) });
    let machines = [("ruby", ONE), ("opal", TWO), ("jade", ONE), ("onyx", TWO)];
    for (name, (configuration, _)) in machines {
        create(&daemon, name, configuration, &subnets).await;
    }
    for (name, _) in machines {
        daemon.wait_until_ready(name).await;
    }
    let of_each = runs.div_ceil(machines.len());
    let often = |n: usize| plan_often(&daemon, machines[n].0, of_each);
    tokio::join!(often(0), often(1), often(2), often(3));

    let journal = aws.journal().await;
    for (name, (_, key)) in machines {
        let keys = keys_of(&journal, name);
        assert!(keys.len() > of_each, "{} calls about {name}", keys.len());
        let strange: Vec<&&str> = keys.iter().filter(|found| **found != key).collect();
        assert_eq!(strange, Vec::<&&str>::new(), "of {} calls about {name}", keys.len());
    }
    let unknown = journal.iter().find(|call| call["access_key"] != ONE.1 && call["access_key"] != TWO.1);
    assert_eq!(unknown, None);
    let status = &daemon.get("/v1/gateway").await.json()["status"];
    for process in status["processes"].as_array().unwrap() {
        let configurations = process["configurations"].as_array().unwrap();
        assert!(configurations.len() <= 1, "two share a process: {process}");
    }
    let counts = &status["counts"];
    assert!(counts["configureHits"].as_u64().unwrap() >= u64::try_from(runs).unwrap(), "runs share: {counts}");
    assert_eq!(counts["refused"], json!({}));
    daemon.stop().await;
}

fn credentials(key: &str) -> String {
    format!("[captd]\naws_access_key_id = {key}\naws_secret_access_key = not-a-secret\n")
}

/// Starts a daemon whose provider configuration is a profile of the file.
fn start_with_profile(aws: &FakeAws, file: &Path) -> Daemon {
    let dir = tempfile::tempdir().unwrap();
    let config = format!(
        "[providers.aws.default]\nregion = \"eu-central-1\"\nprofile = \"captd\"\nendpoint_url = \"{}\"\n",
        aws.url()
    );
    std::fs::write(dir.path().join("captd.toml"), config).unwrap();
    let variables = [("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap())];
    Daemon::start_program(dir, Path::new(env!("CARGO_BIN_EXE_captd")), &variables)
}

/// Plans both, and says with which keys that was done.
async fn keys_of_both(daemon: &Daemon, aws: &FakeAws) -> Vec<String> {
    let before = aws.journal().await.len();
    tokio::join!(plan(daemon, "ruby"), plan(daemon, "opal"));
    let mut keys: Vec<String> =
        aws.journal().await.split_off(before).iter().map(|call| call["access_key"].to_string()).collect();
    keys.sort();
    keys.dedup();
    keys
}

#[tokio::test]
async fn a_profile_that_is_rewritten_counts_from_the_next_run_on() {
    if !requires("aws") {
        return;
    }
    let aws = FakeAws::start();
    let subnets = aws.seed("demo").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    std::fs::write(&file, credentials("AKIA1")).unwrap();
    let daemon = start_with_profile(&aws, &file);
    for name in ["ruby", "opal"] {
        create(&daemon, name, "default", &subnets).await;
    }
    for name in ["ruby", "opal"] {
        daemon.wait_until_ready(name).await;
    }
    assert_eq!(keys_of_both(&daemon, &aws).await, ["\"AKIA1\""]);

    // It is rewritten while a run is at work, as long as it was.
    aws.rule(&json!({"path": "/node-groups/ruby$", "times": 1, "hang_seconds": 1_000})).await;
    let run = daemon.ask("ruby", "plan", &json!({})).await;
    until("its call hangs", async || aws.rules().await.iter().any(|rule| rule["hits"] == 1).then_some(())).await;
    let before = aws.journal().await.len();
    std::fs::write(&file, credentials("AKIA2")).unwrap();
    plan(&daemon, "opal").await;
    let keys = keys_of(&aws.journal().await.split_off(before), "opal").join(" ");
    assert!(keys.contains("AKIA2") && !keys.contains("AKIA1"), "{keys}");
    aws.behave().await;
    assert_eq!(daemon.wait_for_end(&run).await["state"], "unchanged", "it goes on as it began");
    assert_eq!(keys_of_both(&daemon, &aws).await, ["\"AKIA2\""]);

    // Another file takes its place.
    std::fs::write(folder.path().join("new"), credentials("AKIA3")).unwrap();
    std::fs::rename(folder.path().join("new"), &file).unwrap();
    assert_eq!(keys_of_both(&daemon, &aws).await, ["\"AKIA3\""]);
    daemon.stop().await;
}
