//! Who declares and who approves can be two: what an administrator of all namespaces sets for one of them holds
//! against whoever works in it, on every way that there is.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Daemon, Setup, client, local_machine, requires, until};

const MACHINES: &str = "/v1/namespaces/a/machines";
const WORKSPACES: &str = "/v1/namespaces/a/workspaces";

/// A client of each kind, in `a` alone; and two in `b`, of whom one also reads elsewhere.
fn clients() -> Setup {
    let of = |name, may: &[&str]| client(name, may, &["a"]);
    let config = [
        of("writer", &["read", "write"]),
        of("approver", &["read", "write", "approve"]),
        of("owner", &["admin"]),
        client("tenant", &["read", "write"], &["b"]),
        client("both", &["read", "write"], &["b", "hidden"]),
        "[providers.aws.default]\nregion = \"eu-west-3\"\naccess_key = \"AKIA\"\nsecret_key = \"no-secret\"\n"
            .to_owned(),
    ];
    Setup { config: config.concat() }
}

/// `a` as its administrator has set it.
fn separated() -> Value {
    json!({"spec": {
        "providerConfigs": [],
        "limits": {"machines": 5},
        "policy": {"deletionNeedsApproval": true, "deletionProtectionNeedsApproval": true},
    }})
}

fn workspace(name: &str, spec: &Value) -> Value {
    let mut workspace = json!({
        "apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": name},
        "spec": {"workspaceTemplateRef": {"name": "local-vpc-template"}, "variables": {"name": name}},
    });
    workspace["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    workspace
}

async fn wait_for(daemon: &Daemon, path: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    until(&format!("{path}: {what}"), async || Some(daemon.get(path).await.json()).filter(|it| is(it))).await
}

async fn wait_until_ready(daemon: &Daemon, path: &str) {
    wait_for(daemon, path, "is ready", |it| {
        it["status"]["ready"] == true && it["status"]["observedGeneration"] == it["metadata"]["generation"]
    })
    .await;
}

/// Waits until its newest run waits for a person; its path, and why.
async fn wait_for_approval(daemon: &Daemon, path: &str) -> (String, Value) {
    let it = wait_for(daemon, path, "waits", |it| it["status"]["latestRun"]["state"] == "awaiting_approval").await;
    let run = format!("/v1/runs/{}", it["status"]["latestRun"]["id"].as_str().unwrap());
    let because = daemon.get(&run).await.json()["because"].clone();
    (run, because)
}

fn refused(answer: &Answer, because: &str) {
    assert_eq!(answer.status, 403, "{}", answer.text);
    let problem = answer.json();
    assert_eq!(problem["code"], "forbidden", "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(because), "{problem}");
}

/// The administrator of one namespace writes its defaults, and nothing of what it may use or of what holds for it.
#[tokio::test]
async fn who_administers_one_namespace_does_not_widen_it() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start_with(clients());
    let path = "/v1/namespaces/a";
    assert_eq!(daemon.put(path, &separated()).await.status, 201);
    let with = |field: &str, value: Value| {
        let mut namespace = separated();
        namespace["spec"][field] = value;
        namespace
    };
    let without = |field: &str| {
        let mut namespace = separated();
        namespace["spec"].as_object_mut().unwrap().remove(field);
        namespace
    };
    let forbidden = [
        ("other providers", with("providerConfigs", json!(["prod"]))),
        ("all providers", with("providerConfigs", json!(["*"]))),
        ("providers left out, which means all", without("providerConfigs")),
        ("a higher limit", with("limits", json!({"machines": 6}))),
        ("no limit", without("limits")),
        ("another limit besides", with("limits", json!({"machines": 5, "nodes": 100}))),
        ("no policy", without("policy")),
        ("no approval of deletions", with("policy", json!({"deletionProtectionNeedsApproval": true}))),
        ("no approval for protection", with("policy", json!({"deletionNeedsApproval": true}))),
        ("nothing at all", json!({})),
    ];
    for (what, namespace) in forbidden {
        println!("{what}");
        refused(&daemon.ask_as("owner", Method::PUT, path, Some(&namespace)).await, "in all namespaces");
        let mut document = json!({"apiVersion": "captd/v1", "kind": "Namespace", "metadata": {"name": "a"}});
        document["spec"] = namespace.get("spec").cloned().unwrap_or_else(|| json!({}));
        let many = json!([document, {"apiVersion": "captd/v1", "kind": "Secret", "metadata": {"name": "s"}, "spec": {"data": {"k": "v"}}}]);
        refused(&daemon.ask_as("owner", Method::POST, "/v1/apply?namespace=a", Some(&many)).await, "in all namespaces");
        document["metadata"]["namespace"] = json!("a");
        refused(
            &daemon.ask_as("owner", Method::POST, "/v1/apply?namespace=a", Some(&document)).await,
            "in all namespaces",
        );
    }
    refused(&daemon.ask_as("owner", Method::DELETE, path, None).await, "all");
    for name in ["b", "default", "new"] {
        let other = format!("/v1/namespaces/{name}");
        let of_another = json!({"apiVersion": "captd/v1", "kind": "Namespace", "metadata": {"name": name}});
        assert_eq!(daemon.ask_as("owner", Method::PUT, &other, Some(&json!({}))).await.status, 403);
        assert_eq!(daemon.ask_as("owner", Method::DELETE, &other, None).await.status, 403);
        let answer = daemon.ask_as("owner", Method::POST, "/v1/apply?namespace=a", Some(&of_another)).await;
        assert_eq!(answer.status, 403, "{}", answer.text);
    }
    assert_eq!(
        daemon.get(path).await.json()["spec"],
        separated()["spec"]
            .clone()
            .as_object()
            .map(|spec| {
                let mut spec = spec.clone();
                spec["policy"]["leastApproval"] = json!("auto");
                spec.insert("defaults".to_owned(), json!({}));
                Value::Object(spec)
            })
            .unwrap(),
        "nothing of it was done"
    );

    let defaults = with("defaults", json!({"region": "eu-central-1"}));
    for who in ["writer", "approver"] {
        assert_eq!(daemon.ask_as(who, Method::PUT, path, Some(&defaults)).await.status, 403);
    }
    let answer = daemon.ask_as("owner", Method::PUT, path, Some(&defaults)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["spec"]["defaults"], json!({"region": "eu-central-1"}));
    assert_eq!(answer.json()["spec"]["policy"]["deletionNeedsApproval"], true);
    what_lies_elsewhere_is_named_to_who_may_read_there(&daemon).await;
    daemon.stop().await;
}

/// Of who is in the way from another namespace, whoever may not read there hears that there is one.
async fn what_lies_elsewhere_is_named_to_who_may_read_there(daemon: &Daemon) {
    let of = |namespace: &str, mut document: Value| {
        document["metadata"]["namespace"] = json!(namespace);
        document
    };
    let machine = |namespace: &str, name: &str| {
        let group = json!({"name": "shared", "instanceType": "t3.medium", "subnetIds": ["subnet-1a2b3c4d"],
            "scaling": {"minSize": 1, "maxSize": 1, "desiredSize": 1}});
        of(
            namespace,
            json!({"apiVersion": "captd/v1", "kind": "Machine", "metadata": {"name": name}, "spec": {
                "workspaceTemplateRef": {"name": "eks-nodegroup-template"}, "clusterName": "demo",
                "nodeGroupConfig": group}}),
        )
    };
    for name in ["b", "hidden"] {
        assert!(daemon.put(&format!("/v1/namespaces/{name}"), &json!({})).await.status.is_success());
    }
    let user = json!({"waitFor": [{"workspace": "base", "namespace": "b"}]});
    let documents = json!([
        machine("hidden", "first"),
        of("b", workspace("base", &json!({"exportTo": ["hidden"]}))),
        of("hidden", workspace("user", &user)),
    ]);
    // Nothing of it is made.
    let applied = daemon.post("/v1/apply?paused=true", &documents).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    let base = "/v1/namespaces/b/workspaces/base";
    let asked = [
        (
            Method::POST,
            "/v1/apply?namespace=b&paused=true".to_owned(),
            Some(machine("b", "second")),
            "machine",
            "first",
        ),
        (Method::DELETE, base.to_owned(), None, "workspace", "user"),
        (Method::DELETE, format!("{base}?cascade=true"), None, "workspace", "user"),
        (Method::DELETE, format!("{base}?abandon=true"), None, "workspace", "user"),
        (Method::PATCH, base.to_owned(), Some(json!({"spec": {"exportTo": []}})), "workspace", "user"),
    ];
    for (method, path, body, kind, name) in asked {
        for (who, sees) in [("tenant", false), ("both", true)] {
            let answer = daemon.ask_as(who, method.clone(), &path, body.as_ref()).await;
            assert!([409, 422].contains(&answer.status.as_u16()), "{method} {path}: {}", answer.text);
            let (named, unnamed) = (format!("{kind} hidden/{name}"), format!("a {kind} of another namespace"));
            assert_eq!(answer.text.contains(&named), sees, "{who} {method} {path}: {}", answer.text);
            assert_eq!(answer.text.contains(&unnamed), !sees, "{who} {method} {path}: {}", answer.text);
            assert!(sees || !answer.text.contains("hidden"), "{who} {method} {path}: {}", answer.text);
        }
    }
}

/// Whoever may write, and not approve, neither destroys nor lets go, on none of the ways.
#[tokio::test]
async fn what_waits_for_approval_is_not_walked_around() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start_with(clients());
    assert_eq!(daemon.put("/v1/namespaces/a", &separated()).await.status, 201);
    let mut machine = local_machine("workers", 1, &json!({}));
    machine["spec"]["deletionProtection"] = json!(true);
    machine["spec"]["runPolicy"] = json!({"approval": "auto"});
    let one = format!("{MACHINES}/workers");
    let made = daemon.ask_as("writer", Method::POST, MACHINES, Some(&machine)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let warned = made.headers.get_all("warning").iter().any(|it| it.to_str().unwrap().contains("onDestroy holds"));
    assert!(warned, "what holds is told: {:?}", made.headers);
    let network = format!("{WORKSPACES}/network");
    let kept = format!("{WORKSPACES}/kept");
    for it in [
        workspace("network", &json!({})),
        workspace("kept", &json!({"retainOnDelete": true, "waitFor": [{"workspace": "network"}]})),
    ] {
        assert_eq!(daemon.ask_as("writer", Method::POST, WORKSPACES, Some(&it)).await.status, 201);
    }
    for path in [&one, &network, &kept] {
        wait_until_ready(&daemon, path).await;
    }

    // Protection.
    let bare = local_machine("workers", 1, &json!({}));
    let off = json!({"spec": {"deletionProtection": false}});
    let writes = [
        (Method::PUT, one.as_str(), &bare),
        (Method::PATCH, one.as_str(), &off),
        (Method::PATCH, one.as_str(), &json!({"spec": {"deletionProtection": null}})),
        (Method::POST, "/v1/apply?namespace=a", &bare),
    ];
    for (method, path, body) in writes {
        refused(&daemon.ask_as("writer", method, path, Some(body)).await, "the permission `approve`");
    }
    assert_eq!(daemon.ask_as("writer", Method::DELETE, &one, None).await.status, 409);

    // A change that destroys it instead, for all that the declaration says `auto`.
    let other_type = json!({"spec": {"nodeGroupConfig": {"instanceType": "m5.large"}}});
    assert_eq!(daemon.ask_as("writer", Method::PATCH, &one, Some(&other_type)).await.status, 200);
    let (run, because) = wait_for_approval(&daemon, &one).await;
    assert!(because[0].as_str().unwrap().contains("replace"), "{because}");
    assert_eq!(daemon.ask_as("writer", Method::POST, &format!("{run}/approve"), None).await.status, 403);
    assert_eq!(daemon.ask_as("approver", Method::POST, &format!("{run}/discard"), None).await.status, 200);

    // What is retained has no plan that could wait: alone, and taken along with others.
    refused(&daemon.ask_as("writer", Method::DELETE, &kept, None).await, "the permission `approve`");
    refused(&daemon.ask_as("writer", Method::DELETE, &format!("{network}?abandon=true"), None).await, "`approve`");
    let all = format!("{network}?cascade=true");
    refused(&daemon.ask_as("writer", Method::DELETE, &all, None).await, "the permission `approve`");
    for path in [&one, &network, &kept] {
        assert_eq!(daemon.get(path).await.json()["metadata"].get("deletionTimestamp"), None, "{path}");
    }

    // Deletions wait, and go on when somebody approves.
    assert_eq!(daemon.ask_as("approver", Method::PATCH, &one, Some(&off)).await.status, 200);
    assert_eq!(daemon.ask_as("approver", Method::DELETE, &kept, None).await.status, 202);
    until("what is retained is gone", async || (daemon.get(&kept).await.status == 404).then_some(())).await;
    for path in [&one, &network] {
        let deleted = daemon.ask_as("writer", Method::DELETE, path, None).await;
        assert_eq!(deleted.status, 202, "{}", deleted.text);
        let (run, because) = wait_for_approval(&daemon, path).await;
        assert!(because[0].as_str().unwrap().starts_with("a deletion in this namespace waits"), "{because}");
        assert_eq!(daemon.ask_as("writer", Method::POST, &format!("{run}/approve"), None).await.status, 403);
        // Deleting it again is no consent either.
        assert_eq!(daemon.ask_as("writer", Method::DELETE, path, None).await.status, 202);
        let (run, _) = wait_for_approval(&daemon, path).await;
        let synced = daemon.get(path).await.json()["status"]["conditions"][1].clone();
        assert_eq!(synced["reason"], "AwaitingApproval", "{synced}");
        let approved = daemon.ask_as("approver", Method::POST, &format!("{run}/approve"), None).await;
        assert_eq!(approved.status, 200, "{}", approved.text);
        until("what is deleted is gone", async || (daemon.get(path).await.status == 404).then_some(())).await;
    }
    daemon.stop().await;
}
