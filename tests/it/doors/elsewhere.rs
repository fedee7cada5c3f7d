//! Other places where something is named: queries, bodies, headers, ids that do not exist.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Daemon, Setup, client, local_machine, requires};

fn document(kind: &str, name: &str, namespace: &Value, spec: &Value) -> Value {
    json!({"apiVersion": "captd/v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec})
}

async fn daemon_with_two_namespaces() -> Daemon {
    let config = [
        client("w", &["read", "write"], &["a"]),
        client("owner", &["admin"], &["a"]),
        client("all", &["read", "write"], &["*"]),
    ];
    let daemon = Daemon::start_with(Setup { config: config.concat() });
    for namespace in ["a", "b"] {
        daemon.put(&format!("/v1/namespaces/{namespace}"), &json!({})).await;
    }
    daemon.post("/v1/drain", &json!({})).await;
    daemon.post("/v1/namespaces/b/machines", &local_machine("workers", 1, &json!({}))).await;
    daemon
}

async fn end(daemon: Daemon) {
    daemon.delete("/v1/namespaces/b/machines/workers").await;
    daemon.stop().await;
}

/// Whoever is let in to one namespace is told the same of a run elsewhere, of none, and of what is not an id.
#[tokio::test]
async fn what_lies_elsewhere_cannot_be_told_from_what_does_not_exist() {
    if !requires("terraform") {
        return;
    }
    let daemon = daemon_with_two_namespaces().await;
    let run = daemon.get("/v1/runs?namespace=b").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    for end in ["", "/plan", "/log", "/cancel"] {
        let method = if end == "/cancel" { Method::POST } else { Method::GET };
        let mut answers = Vec::new();
        for id in [run.as_str(), "01a20df5-341e-76c8-abe2-110f67ea2a22", "latest", "%30", "%7B%7D", "%ff", "%00"] {
            let answer = daemon.ask_as("w", method.clone(), &format!("/v1/runs/{id}{end}"), None).await;
            if id == "%ff" {
                assert!(matches!(answer.status.as_u16(), 400 | 403), "{id}{end}: {}", answer.text);
                continue;
            }
            assert_eq!(answer.status, 403, "{id}{end}: {}", answer.text);
            answers.push(answer.text);
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{end}: {answers:?}");
    }
    // Whoever is let in everywhere is told what is wrong.
    assert_eq!(daemon.ask_as("all", Method::GET, "/v1/runs/latest", None).await.status, 400);
    let none = daemon.ask_as("all", Method::GET, "/v1/runs/01a20df5-341e-76c8-abe2-110f67ea2a22", None).await;
    assert_eq!(none.status, 404);
    for path in
        ["/v1/namespaces/b", "/v1/namespaces/nowhere", "/v1/namespaces/B", "/v1/namespaces/%62", "/v1/namespaces/a%2fb"]
    {
        assert_eq!(daemon.ask_as("w", Method::GET, path, None).await.status, 403, "{path}");
    }
    end(daemon).await;
}

/// A namespace in a query is judged as it is parsed, and no header stands in for a method, a path or a place.
#[tokio::test]
async fn queries_and_headers_are_judged_as_they_are_parsed() {
    if !requires("terraform") {
        return;
    }
    let daemon = daemon_with_two_namespaces().await;
    let queries = [
        ("namespace=a", 200),
        ("namespace=%61", 200),
        ("n%61mespace=a", 200),
        ("", 403),
        ("namespace=", 403),
        ("namespace=b", 403),
        ("namespace=%62", 403),
        ("n%61mespace=%62", 403),
        ("namespace=a&namespace=b", 403),
        ("namespace=b&namespace=a", 403),
        ("namespace=a&n%61mespace=b", 403),
        ("namespace=a%26namespace=b", 403),
        ("Namespace=a", 403),
        ("namespace=+a", 403),
        ("namespace=*", 403),
        ("namespace=a%00", 403),
        ("namespace[]=a", 403),
        ("x=1&namespace=a", 400),
    ];
    for path in ["/v1/runs", "/v1/events"] {
        for (query, status) in queries {
            let answer = daemon.ask_as("w", Method::GET, &format!("{path}?{query}"), None).await;
            assert_eq!(answer.status, status, "{path}?{query}: {}", answer.text);
            assert!(!answer.text.contains("workers"), "{path}?{query}: {}", answer.text);
        }
    }
    let headers = [
        ("x-http-method-override", "DELETE"),
        ("x-http-method", "DELETE"),
        ("x-method-override", "DELETE"),
        ("x-original-url", "/v1/namespaces/b/machines/workers"),
        ("x-rewrite-url", "/v1/namespaces/b/machines/workers"),
        ("x-forwarded-prefix", "/v1/namespaces/b"),
        ("x-forwarded-user", "admin"),
        ("x-remote-user", "admin"),
        ("last-event-id", "0"),
    ];
    for header in headers {
        for (path, status) in
            [("/v1/namespaces/a", 200), ("/v1/namespaces/a/events", 200), ("/v1/namespaces/b/events", 403)]
        {
            let answer = daemon.request_with("token-of-w", Method::GET, path, &[header], Vec::new()).await;
            assert_eq!(answer.status, status, "{header:?} {path}: {}", answer.text);
            assert!(!answer.text.contains("workers"), "{header:?} {path}: {}", answer.text);
        }
    }
    assert_eq!(daemon.get("/v1/namespaces/a").await.status, 200, "nothing was deleted");
    end(daemon).await;
}

/// Each document of an apply is judged by where it lies, whatever kind it is and however it is wrapped.
#[tokio::test]
async fn each_document_is_judged_by_where_it_lies() {
    if !requires("terraform") {
        return;
    }
    let daemon = daemon_with_two_namespaces().await;
    let b = json!("b");
    let mine = document("Secret", "mine", &json!("a"), &json!({"data": {"k": "v"}}));
    let theirs = document("Secret", "theirs", &b, &json!({"data": {"k": "v"}}));
    let mut machine = local_machine("more", 1, &json!({}));
    machine["metadata"]["namespace"] = b.clone();
    let capt = |kind: &str, spec: Value| {
        json!({"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1", "kind": kind,
            "metadata": {"name": "capt", "namespace": "b"}, "spec": spec})
    };
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "b"}, "stringData": {"k": "v"}});
    let list = |items: Value| json!({"apiVersion": "v1", "kind": "List", "items": items});
    let forbidden = [
        theirs.clone(),
        machine.clone(),
        json!([mine, theirs]),
        list(json!([mine, theirs])),
        secret.clone(),
        list(json!([secret])),
        capt("CaptMachine", machine["spec"].clone()),
        capt("WorkspaceTemplateApply", json!({"templateRef": {"name": "x"}})),
        capt("CAPTCluster", json!({"region": "eu-central-1"})),
        document("WorkspaceTemplate", "t", &b, &json!({"files": {"main.tf": ""}})),
        document("WorkspaceTemplate", "t", &json!("a"), &json!({"files": {"main.tf": ""}})),
        document("Namespace", "a", &json!("a"), &json!({})),
        document("Namespace", "b", &json!(null), &json!({})),
        document("Namespace", "new", &json!(null), &json!({})),
        json!({"kind": "Namespace", "metadata": {"name": "b"}}),
        json!({"metadata": {"namespace": "B"}}),
        json!({"metadata": {"namespace": ""}}),
    ];
    for body in &forbidden {
        let answer = daemon.ask_as("w", Method::POST, "/v1/apply?namespace=a", Some(body)).await;
        assert_eq!(answer.status, 403, "{body}: {}", answer.text);
    }
    // Without a namespace it lies in the one of the query, or in `default`.
    let nowhere =
        json!({"apiVersion": "captd/v1", "kind": "Secret", "metadata": {"name": "s"}, "spec": {"data": {"k": "v"}}});
    for (query, status) in [
        ("", 403),
        ("?namespace=b", 403),
        ("?namespace=%62", 403),
        ("?namespace=a&namespace=b", 400),
        ("?namespace=a&dryRun=true", 200),
    ] {
        let answer = daemon.ask_as("w", Method::POST, &format!("/v1/apply{query}"), Some(&nowhere)).await;
        assert_eq!(answer.status, status, "{query}: {}", answer.text);
    }
    // Whoever administers one namespace writes its templates, and no others.
    let named = |namespace: &str| document("Namespace", namespace, &json!(null), &json!({}));
    for (body, status) in [(named("a"), 200), (named("b"), 403), (named("default"), 403), (forbidden[9].clone(), 403)] {
        let answer = daemon.ask_as("owner", Method::POST, "/v1/apply?namespace=a&dryRun=true", Some(&body)).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
    }
    // What is turned into captd's own form is judged too.
    assert_eq!(daemon.ask_as("w", Method::POST, "/v1/convert?namespace=a", Some(&machine)).await.status, 403);
    assert_eq!(daemon.get("/v1/namespaces/b/secrets").await.json()["items"], json!([]));
    assert_eq!(daemon.get("/v1/namespaces/b/machines").await.json()["items"].as_array().unwrap().len(), 1);

    // What a body says of its place is what the path says, or it is refused.
    let says = |field: &str, value: Value| {
        let mut metadata = json!({});
        metadata[field] = value;
        metadata
    };
    let wrong = [says("namespace", json!("b")), says("namespace", json!(1)), says("name", json!("other"))];
    for metadata in &wrong {
        let place = if metadata.get("name").is_some() { "/metadata/name" } else { "/metadata/namespace" };
        let bodies = [
            ("/v1/namespaces/a/secrets/s", json!({"metadata": metadata, "spec": {"data": {"k": "v"}}})),
            ("/v1/namespaces/a/machines/m", json!({"metadata": metadata, "spec": machine["spec"]})),
            ("/v1/namespaces/a/templates/t", json!({"metadata": metadata, "spec": {"files": {"main.tf": ""}}})),
            ("/v1/namespaces/a", json!({"metadata": metadata})),
        ];
        for (path, body) in bodies {
            let answer = daemon.put(path, &body).await;
            assert_eq!(answer.status, 422, "{path} {metadata}: {}", answer.text);
            assert!(answer.pointers().contains(&place.to_owned()), "{path} {metadata}: {}", answer.text);
        }
    }
    let made = daemon
        .post(
            "/v1/namespaces/a/machines",
            &json!({"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1",
        "kind": "CaptMachine", "metadata": {"name": "m", "namespace": "b"}, "spec": machine["spec"]}),
        )
        .await;
    assert_eq!((made.status.as_u16(), made.pointers()), (422, vec!["/metadata/namespace".to_owned()]), "{}", made.text);
    end(daemon).await;
}
