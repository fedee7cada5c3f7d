//! Requests that nobody would write by hand, thousands of them from a seed: each gets an answer, none is a defect of
//! captd, and a client of one namespace sees and changes nothing of another, however it spells what it asks for.
//!
//! A few hundred are a part of the tests; `make break-test` sends 10,000. `CAPTD_FUZZ_REQUESTS` and `CAPTD_FUZZ_SEED`
//! say how many and which.

mod generate;
mod raw;

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Daemon, Setup, local_machine, requires, until};
use generate::{Generator, Known};
use raw::Raw;

/// Stands in what belongs to the other namespace, and in no request.
const MARK: &str = "seen-of-another";
/// Sent when nothing is said.
const REQUESTS: u64 = 500;

/// A client that the configuration knows, by its token.
fn client(token: &str, may: &[&str]) -> String {
    let hash: String = Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "[[server.clients]]\nname = \"{token}\"\ntoken_sha256 = \"{hash}\"\nmay = {}\nnamespaces = [\"a\"]\n",
        json!(may)
    )
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Makes what the other namespace has: a machine that is ready, another whose plan waits for a person, and a secret.
async fn furnish(daemon: &Daemon) -> Known {
    for namespace in ["a", "b"] {
        assert_eq!(daemon.put(&format!("/v1/namespaces/{namespace}"), &json!({})).await.status, 201);
    }
    let mut machine = local_machine("m", 1, &json!({}));
    machine["metadata"]["labels"] = json!({"mark": MARK});
    assert_eq!(daemon.post("/v1/namespaces/b/machines", &machine).await.status, 201);
    let mut waits = local_machine("waits", 1, &json!({}));
    waits["metadata"]["labels"] = json!({"mark": MARK});
    waits["spec"]["runPolicy"] = json!({"approval": "manual"});
    assert_eq!(daemon.post("/v1/namespaces/b/machines", &waits).await.status, 201);
    // Something of their own, that begins nothing by itself.
    let mut own = local_machine("m", 1, &json!({}));
    own["spec"]["runPolicy"] = json!({"approval": "manual"});
    assert_eq!(daemon.post("/v1/namespaces/a/machines", &own).await.status, 201);
    let secret = json!({"apiVersion": "captd/v1", "kind": "Secret", "metadata": {"name": "s"}, "spec": {"data": {(MARK): "text"}}});
    let stored = daemon.put("/v1/namespaces/b/secrets/s", &secret).await;
    assert!(stored.status.is_success(), "{}", stored.text);
    let runs = until("the other namespace stands", async || {
        let (ready, waiting) = (read(daemon, "m").await, read(daemon, "waits").await);
        let stands = ready["status"]["ready"] == true && waiting["status"]["phase"] == "AwaitingApproval";
        let run = |machine: &Value| machine["status"]["latestRun"]["id"].as_str().map(str::to_owned);
        stands.then(|| [&ready, &waiting].into_iter().filter_map(run).collect::<Vec<_>>())
    })
    .await;
    let workspace = daemon.run(&runs[0]).await["workspace"].as_str().unwrap().to_owned();
    Known { runs, workspace }
}

async fn read(daemon: &Daemon, machine: &str) -> Value {
    daemon.get(&format!("/v1/namespaces/b/machines/{machine}")).await.json()
}

/// All of the other namespace that a client could have changed.
async fn standing(daemon: &Daemon) -> Vec<Value> {
    let paths = [
        "/v1/namespaces/b",
        "/v1/namespaces/b/secrets",
        "/v1/namespaces/b/templates",
        "/v1/namespaces/b/workspaces",
        "/v1/runs?namespace=b&state=awaiting_approval,failed,canceled,discarded,succeeded,applying",
        "/v1/hold",
        "/v1/drain",
        "/v1/namespaces",
    ];
    let mut all = Vec::new();
    for path in paths {
        let read = daemon.get(path).await.json();
        // A list's position goes on with what happens anywhere, and a namespace counts what is in it.
        let items = read["items"].as_array().cloned().unwrap_or_else(|| vec![read]);
        all.extend(items.into_iter().map(|mut item| {
            if item["kind"] == "Namespace" {
                item.as_object_mut().unwrap().remove("status");
            }
            item
        }));
    }
    for machine in ["m", "waits"] {
        let read = read(daemon, machine).await;
        all.push(json!([read["metadata"], read["spec"], read["status"]["phase"]]));
    }
    all
}

#[tokio::test]
async fn no_request_is_a_defect_and_none_reaches_another_namespace() {
    if !requires("terraform") {
        return;
    }
    let tokens = ["looks", "writes", "approves"];
    let config = [
        client(tokens[0], &["read"]),
        client(tokens[1], &["read", "write"]),
        client(tokens[2], &["read", "write", "approve", "reveal"]),
    ];
    // What is written here is looked at, and looks would change the runs that are compared.
    let daemon = Daemon::start_with(Setup {
        config: format!("{}[reconcile]\nobserve_interval_seconds = 86400\n", config.concat()),
    });
    let known = furnish(&daemon).await;
    let before = standing(&daemon).await;
    let seed = number("CAPTD_FUZZ_SEED", 1);
    let requests = number("CAPTD_FUZZ_REQUESTS", REQUESTS);
    let mut generator = Generator::new(seed, known, &tokens);
    let mut answered = std::collections::BTreeMap::<u16, u64>::new();
    for number in 0..requests {
        let request = generator.next();
        let answer = raw::send(daemon.base(), &request).await;
        let told = || format!("request {number} of seed {seed}: {}", request.shown());
        let answer = answer.unwrap_or_else(|why| panic!("{}: {why}", told()));
        check(&request, &answer).unwrap_or_else(|why| panic!("{}: {why}\n{}", told(), answer.shown()));
        *answered.entry(answer.status).or_default() += 1;
    }
    println!("{requests} requests, answers by status: {answered:?}");
    for (now, before) in standing(&daemon).await.into_iter().zip(before) {
        assert_eq!(now, before, "the other namespace is as it was");
    }
    assert_eq!(daemon.get("/healthz").await.status, 200);
    finish(daemon).await;
}

/// What must hold of each answer, whoever asked for whatever.
fn check(request: &Raw, answer: &raw::Answer) -> Result<(), String> {
    if answer.status >= 500 {
        return Err("a defect".to_owned());
    }
    if answer.text().contains(MARK) {
        return Err("it tells what another namespace has".to_owned());
    }
    let is_open = ["/healthz", "/readyz"].iter().any(|path| request.target.starts_with(path));
    if request.token.is_none() && answer.status < 400 && !is_open {
        return Err("it lets in whoever shows no token".to_owned());
    }
    let is_problem = answer.text().starts_with("HTTP/1.1") && answer.text().contains("application/problem+json");
    let is_refused_as_http = answer.status == 400 && !answer.text().contains("content-type");
    if answer.status >= 400 && !is_problem && !is_refused_as_http && !request.target.starts_with("/state/") {
        return Err("an error without a problem".to_owned());
    }
    Ok(())
}

/// Ends what the client has begun in its own namespace, and then the daemon.
async fn finish(daemon: Daemon) {
    until("nothing is at work", async || {
        let open = daemon.get("/v1/runs?state=queued,preparing,planning,planned,applying&limit=500").await.json();
        (open["items"] == json!([])).then_some(())
    })
    .await;
    daemon.request(Method::POST, "/v1/drain", &[], Vec::new()).await;
    daemon.stop().await;
}
