//! Input that is wrong, one way after the other: a clear answer each time, nothing stored, never
//! a 500.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Daemon, requires};

const MACHINES: &str = "/v1/namespaces/default/machines";
const YAML: (&str, &str) = ("content-type", "application/yaml");
const JSON: (&str, &str) = ("content-type", "application/json");

/// What it is, content type, bytes, expected status and code.
type BadBody = (&'static str, (&'static str, &'static str), Vec<u8>, u16, &'static str);

/// A good machine on the local template.
fn good(name: &str) -> Value {
    json!({
        "apiVersion": "captd/v1", "kind": "Machine", "metadata": {"name": name},
        "spec": {
            "workspaceTemplateRef": {"name": "local-nodegroup-template"},
            "nodeGroupConfig": {"name": name, "instanceType": "t3.medium",
                "scaling": {"minSize": 1, "maxSize": 3, "desiredSize": 2}},
        },
    })
}

/// A good machine with the value at `pointer` set to another one.
fn with(pointer: &str, value: Value) -> Value {
    let mut machine = good("m");
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    machine.pointer_mut(parent).unwrap()[field] = value;
    machine
}

/// Checks an answer's status and code, that it is a problem, and that nothing was stored.
async fn check(daemon: &Daemon, answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "application/problem+json", "{}", answer.text);
    let problem = answer.json();
    assert_eq!(problem["code"], code, "{problem}");
    assert_eq!(problem["status"], status);
    assert!(!problem["detail"].as_str().unwrap().is_empty());
    for path in ["/v1/machines", "/v1/runs"] {
        assert_eq!(daemon.get(path).await.json()["items"], json!([]), "something was stored after {problem}");
    }
}

#[tokio::test]
async fn every_problem_of_a_declaration_is_in_one_answer() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let mut machine = good("m");
    machine["spec"]["nodeGroupConfig"]["scaling"] = json!({"minSize": 4, "maxSize": 3, "desiredSize": 5});
    machine["spec"]["nodeGroupConfig"]["taints"] = json!([{"key": "gpu", "effect": "Sometimes"}]);
    let answer = daemon.post(MACHINES, &machine).await;
    check(&daemon, &answer, 422, "invalid").await;
    let group = "/spec/nodeGroupConfig";
    let expected = ["/scaling/desiredSize", "/scaling/minSize", "/taints/0/effect"].map(|p| format!("{group}{p}"));
    assert_eq!(answer.pointers(), expected);
    daemon.stop().await;
}

#[tokio::test]
async fn each_field_is_told_where_it_is_wrong() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let cases = [
        (
            with("/spec/nodeGroupConfig/instancetype", json!("t3.medium")),
            "/spec/nodeGroupConfig/instancetype",
            "unknown_field",
        ),
        (with("/metdata", json!({})), "/metdata", "unknown_field"),
        (
            with("/spec/nodeGroupConfig/scaling/minSize", json!("1")),
            "/spec/nodeGroupConfig/scaling/minSize",
            "wrong_type",
        ),
        (with("/spec/nodeGroupConfig/scaling", json!([1, 3, 2])), "/spec/nodeGroupConfig/scaling", "wrong_type"),
        (
            with("/spec/nodeGroupConfig/scaling/minSize", json!(1.5)),
            "/spec/nodeGroupConfig/scaling/minSize",
            "wrong_type",
        ),
        (
            with("/spec/nodeGroupConfig/scaling/minSize", json!(-1)),
            "/spec/nodeGroupConfig/scaling/minSize",
            "out_of_range",
        ),
        (
            with("/spec/nodeGroupConfig/labels", json!({"a~b/c": 1})),
            "/spec/nodeGroupConfig/labels/a~0b~1c",
            "wrong_type",
        ),
        (
            with("/spec/nodeGroupConfig/labels", json!({"a/b/c": "d"})),
            "/spec/nodeGroupConfig/labels/a~1b~1c",
            "invalid_label",
        ),
        (
            with("/spec/nodeGroupConfig/taints", json!([{"key": "a b", "effect": "NoSchedule"}])),
            "/spec/nodeGroupConfig/taints/0/key",
            "invalid_value",
        ),
        (
            with("/spec/nodeGroupConfig/updateConfig", json!({"maxUnavailable": 4})),
            "/spec/nodeGroupConfig/updateConfig/maxUnavailable",
            "out_of_range",
        ),
        (with("/spec/nodeGroupConfig/amiType", json!("AL1")), "/spec/nodeGroupConfig/amiType", "unknown_value"),
        (with("/metadata/labels", json!({"team": "data@corp"})), "/metadata/labels/team", "invalid_label"),
        (with("/metadata/annotations", json!({"a b": ""})), "/metadata/annotations/a b", "invalid_annotation"),
        (with("/metadata/name", json!("../../etc/passwd")), "/metadata/name", "invalid_name"),
        (with("/metadata/namespace", json!("other")), "/metadata/namespace", "mismatch"),
        (
            with("/spec/workspaceTemplateRef/name", json!("no-such-template")),
            "/spec/workspaceTemplateRef/name",
            "not_found",
        ),
        (
            with("/spec/workspaceTemplateRef/name", json!("eks-nodegroup-template")),
            "/spec/providerConfigRef/name",
            "not_found",
        ),
        (with("/spec/variables", json!({"no_such": 1})), "/spec/variables/no_such", "unknown_variable"),
        (with("/spec/variables", json!({"desired_size": 9})), "/spec/variables/desired_size", "reserved"),
        (with("/spec/variables", json!({"create_seconds": "2"})), "/spec/variables/create_seconds", "wrong_type"),
        (with("/kind", json!("MachineDeployment")), "/kind", "unknown_kind"),
    ];
    for (machine, pointer, code) in cases {
        let answer = daemon.post(MACHINES, &machine).await;
        check(&daemon, &answer, 422, "invalid").await;
        let errors = answer.json()["errors"].clone();
        let found = errors.as_array().unwrap().iter().any(|e| e["pointer"] == pointer && e["code"] == code);
        assert!(found, "{pointer} {code} is not in {errors}");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn a_body_that_is_none_is_refused_whole() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned()
        + &(b'b'..=b'i')
            .map(|c| {
                let (this, last) = (c as char, (c - 1) as char);
                format!("{this}: &{this} [{}]\n", vec![format!("*{last}"); 10].join(", "))
            })
            .collect::<String>();
    let bodies: Vec<BadBody> = vec![
        ("2 MiB", JSON, vec![b' '; 2 << 20], 413, "body_too_large"),
        ("nested JSON", JSON, vec![b'['; 100_000], 400, "malformed"),
        ("nested YAML", YAML, vec![b'['; 100_000], 400, "malformed"),
        ("no UTF-8", JSON, vec![b'"', 0xff, 0xfe, b'"'], 400, "not_utf8"),
        ("no UTF-8 in YAML", YAML, vec![b'a', b':', b' ', 0xc3, 0x28], 400, "not_utf8"),
        ("a key twice in YAML", YAML, b"kind: Machine\nkind: Machine\n".to_vec(), 400, "malformed"),
        ("a key twice in JSON", JSON, br#"{"kind": "Machine", "kind": "Machine"}"#.to_vec(), 400, "malformed"),
        ("an alias bomb", YAML, bomb.into_bytes(), 400, "malformed"),
        ("a tag of a language", YAML, b"kind: !!python/object/apply:os.system [id]\n".to_vec(), 400, "malformed"),
        ("half a JSON", JSON, br#"{"kind": "#.to_vec(), 400, "malformed"),
        ("nothing", JSON, Vec::new(), 400, "empty_body"),
        ("nothing in YAML", YAML, b"# only a comment\n".to_vec(), 400, "empty_body"),
        ("a picture", ("content-type", "image/png"), b"\x89PNG".to_vec(), 415, "unknown_media_type"),
    ];
    for (what, content_type, body, status, code) in bodies {
        for path in ["/v1/apply", MACHINES] {
            println!("{what} to {path}");
            let answer = daemon.request(Method::POST, path, &[content_type], body.clone()).await;
            check(&daemon, &answer, status, code).await;
        }
    }
    daemon.stop().await;
}

#[tokio::test]
async fn one_bad_document_among_good_ones_keeps_all_of_them_out() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let documents = json!([good("one"), with("/spec/nodeGroupConfig/scaling/maxSize", json!(0)), good("two")]);
    let answer = daemon.post("/v1/apply", &documents).await;
    check(&daemon, &answer, 422, "invalid").await;
    assert_eq!(answer.pointers(), ["/1/spec/nodeGroupConfig/scaling/maxSize"]);

    let dry = daemon.post("/v1/apply?dryRun=true", &json!([good("one")])).await;
    assert_eq!(dry.json()["items"][0]["result"], "created", "{}", dry.text);
    assert_eq!(daemon.get("/v1/machines").await.json()["items"], json!([]), "a dry run keeps nothing");
    daemon.stop().await;
}

#[tokio::test]
async fn paths_methods_and_parameters_that_do_not_exist_are_told_apart() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let get = |path: &'static str| (Method::GET, path);
    let cases = [
        (get("/"), 404, "unknown_path"),
        (get("/v1/machinez"), 404, "unknown_path"),
        (get("/v1/namespaces/default/machines/nobody"), 404, "not_found"),
        (get("/v1/namespaces/nowhere/machines"), 404, "not_found"),
        (get("/v1/namespaces/nowhere/machines/m"), 404, "not_found"),
        (get("/v1/namespaces/default/machines/..%2f..%2fetc"), 400, "invalid_name"),
        (get("/v1/namespaces/default/machines/%ff"), 400, "bad_path"),
        (get("/v1/runs/00000000-0000-7000-8000-000000000000"), 404, "not_found"),
        (get("/v1/runs/latest"), 400, "invalid_id"),
        (get("/v1/machines?continue=nonsense"), 400, "bad_cursor"),
        (get("/v1/runs?continue=m1.default.m"), 400, "bad_cursor"),
        (get("/v1/machines?limit=0"), 400, "bad_query"),
        (get("/v1/machines?limit=many"), 400, "bad_query"),
        (get("/v1/machines?limit=5&limit=6"), 400, "bad_query"),
        (get("/v1/machines?labelSelector=a%3D%3D%3Db"), 400, "bad_query"),
        (get("/v1/machines?labelSelector=a+in+b"), 400, "bad_query"),
        (get("/v1/machines?phase=Happy"), 400, "bad_query"),
        (get("/v1/machines?labels=a"), 400, "bad_query"),
        (get("/v1/runs?state=running"), 400, "bad_query"),
        ((Method::DELETE, "/v1/machines"), 405, "wrong_method"),
        ((Method::PUT, "/healthz"), 405, "wrong_method"),
        ((Method::POST, "/v1/runs/00000000-0000-7000-8000-000000000000/approve"), 404, "not_found"),
        ((Method::POST, "/v1/namespaces/default/machines/m/explode"), 404, "unknown_path"),
    ];
    for ((method, path), status, code) in cases {
        println!("{method} {path}");
        let answer = daemon.request(method, path, &[], Vec::new()).await;
        check(&daemon, &answer, status, code).await;
    }
    let nowhere = daemon.post("/v1/namespaces/nowhere/machines", &good("m")).await;
    check(&daemon, &nowhere, 404, "not_found").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_stranger_learns_nothing_but_health() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(daemon.request_as_stranger(Method::GET, path).await.status, 200, "{path}");
    }
    let paths = [
        "/",
        "/v1/machines",
        "/v1/nonsense",
        "/v1/namespaces/default/machines/m",
        "/v1/runs",
        "/v1/version",
        "/metrics",
    ];
    for path in paths {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let answer = daemon.request_as_stranger(method, path).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (401, &json!("unauthorized")), "{path}");
        }
    }
    let almost = format!("Bearer {}x", daemon.token());
    let client = reqwest::Client::new();
    let answer =
        client.get(format!("{}/v1/machines", daemon.base())).header("authorization", almost).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    daemon.stop().await;
}
