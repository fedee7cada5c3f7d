//! Declarations as captd and kubectl print them go back in, what is wrong with one is told once and in plain words, and
//! what is stored already locks nobody out.

use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::{captd, type_in};
use crate::support::{Answer, Daemon, local_machine, requires};

const MACHINES: &str = "/v1/namespaces/default/machines";

fn field(path: &str) -> Value {
    json!({"metadata": {"name": path}})
}

/// What `GET path` answers.
async fn printed(daemon: &Daemon, path: &str) -> Value {
    let answer = daemon.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()
}

/// Applies; each document's result, and the notes.
async fn applied(daemon: &Daemon, documents: &Value) -> (Vec<String>, Vec<String>) {
    let answer = daemon.post("/v1/apply", documents).await;
    assert_eq!(answer.status, 200, "{}\n{documents}", answer.text);
    let answer = answer.json();
    let texts = |list: &Value, name: &str| -> Vec<String> {
        list.as_array().unwrap().iter().map(|it| it[name].as_str().unwrap().to_owned()).collect()
    };
    (texts(&answer["items"], "result"), texts(&answer["notes"], "detail"))
}

/// The headers `Warning` of an answer.
fn warnings(answer: &Answer) -> Vec<String> {
    answer.headers.get_all("warning").iter().map(|it| it.to_str().unwrap().to_owned()).collect()
}

/// One of each kind, with as many fields as there are.
async fn one_of_each(daemon: &Daemon) {
    let files = json!({"main.tf": "variable \"id\" { type = string }\nresource \"terraform_data\" \"it\" { input = var.id }\n"});
    let mut machine = local_machine("workers", 2, &json!({"create_seconds": 0}));
    machine["metadata"]["labels"] = json!({"team": "data", "empty": ""});
    machine["metadata"]["annotations"] = json!({"Example.com/note": "a text: of any kind"});
    machine["spec"]["nodeGroupConfig"]["labels"] = json!({"pool": "batch"});
    machine["spec"]["nodeGroupConfig"]["taints"] = json!([{"key": "gpu", "value": "", "effect": "NoSchedule"}]);
    machine["spec"]["waitFor"] = json!([{"workspace": "net"}]);
    let documents = json!([
        {"apiVersion": "captd/v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"a": "b"}}, "spec": {"limits": {"machines": 9}}},
        {"apiVersion": "captd/v1", "kind": "WorkspaceTemplate", "metadata": {"name": "net"}, "spec": {"description": "Of a test.", "files": files}},
        {"apiVersion": "captd/v1", "kind": "Secret", "metadata": {"name": "db"}, "spec": {"data": {"password": "as-long-as-it-must-be"}, "exportTo": ["shop"]}},
        {"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": "net"}, "spec": {"workspaceTemplateRef": {"name": "net"}, "variables": {"id": "x"}}},
        machine,
    ]);
    let (results, notes) = applied(daemon, &documents).await;
    assert_eq!((results, notes), (vec!["created".to_owned(); 5], vec![]));
    daemon.wait_until_ready("workers").await;
}

#[tokio::test]
async fn what_is_printed_goes_back_in() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    one_of_each(&daemon).await;
    let paths = ["machines/workers", "workspaces/net", "templates/net", "secrets/db"];
    let paths = paths.map(|path| format!("/v1/namespaces/default/{path}"));
    for path in paths.iter().map(String::as_str).chain(["/v1/namespaces/shop", "/v1/namespaces/default"]) {
        let shown = printed(&daemon, path).await;
        let (results, notes) = applied(&daemon, &shown).await;
        assert_eq!(results, ["unchanged"], "{path}");
        assert_eq!(notes.len(), 1, "{path}: {notes:?}");
        assert!(notes[0].starts_with("left out, since the server sets it"), "{path}: {notes:?}");
        let put = daemon.put(path, &shown).await;
        assert_eq!(put.status, 200, "{path}: {}", put.text);
    }
    // Lists, as the API and the command line print them.
    for path in ["/v1/machines", "/v1/namespaces", "/v1/workspaces"] {
        let (results, _) = applied(&daemon, &printed(&daemon, path).await).await;
        assert!(!results.is_empty() && results.iter().all(|it| it == "unchanged"), "{path}: {results:?}");
    }
    for line in [
        "get machines workers -o yaml",
        "get machines -o yaml",
        "get workspaces -o json",
        "get namespaces -o yaml",
        "get template net -o yaml",
    ] {
        let shown = captd(&daemon, line).with_code(0).out;
        let said = type_in(&daemon, "apply -f -", &shown).with_code(0);
        assert!(said.out.contains(" unchanged") && !said.out.contains("configured"), "{line}: {said:?}");
        assert!(said.err.contains("note: standard input") && said.err.contains("left out"), "{line}: {said:?}");
    }
    assert_eq!(daemon.runs("workers").await.iter().filter(|run| run["kind"] == "apply").count(), 1, "nothing ran");
    let put = daemon.put(&paths[0], &printed(&daemon, &paths[0]).await).await;
    assert!(warnings(&put).iter().any(|it| it.contains("/status: left out")), "{:?}", warnings(&put));

    what_was_read_before_a_change_is_refused(&daemon, &paths).await;
    daemon.delete(&paths[0]).await;
    daemon.wait_until_gone("workers").await;
    daemon.stop().await;
}

/// A version in what was printed is a precondition, for whatever has one.
async fn what_was_read_before_a_change_is_refused(daemon: &Daemon, paths: &[String; 4]) {
    let [machine, _, _, secret] = paths;
    let (old_machine, old_secret) = (printed(daemon, machine).await, printed(daemon, secret).await);
    let changed = daemon.patch(machine, &json!({"metadata": {"labels": {"team": "web"}}})).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let new_texts = json!({"spec": {"data": {"password": "another-text-of-it"}, "exportTo": ["shop"]}});
    assert_eq!(daemon.put(secret, &new_texts).await.status, 200);
    for (path, old) in [(machine, old_machine), (secret, old_secret)] {
        let answer = daemon.post("/v1/apply", &old).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (412, &json!("version_mismatch")), "{path}");
    }
    // Without its texts a secret keeps those that it has; where there are none, they are asked for.
    let mut shown = printed(daemon, secret).await;
    shown["spec"]["exportTo"] = json!([]);
    assert_eq!(applied(daemon, &shown).await.0, ["configured"]);
    let now = printed(daemon, secret).await;
    assert_eq!((&now["status"]["keys"], &now["spec"]["exportTo"]), (&json!(["password"]), &json!([])));
    let mut other = field("other");
    other["spec"] = json!({"exportTo": []});
    let answer = daemon.put("/v1/namespaces/default/secrets/other", &other).await;
    assert_eq!((answer.status.as_u16(), answer.pointers()), (422, vec!["/spec/data".to_owned()]), "{}", answer.text);
}

/// What kubectl prints of objects that a management cluster has.
fn from_kubectl(api_version: &str, kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": {
            "name": name, "namespace": "default", "uid": "0b5d6c1e-5f0f-4f1e-9a53-0d2b6a0e7c11", "generation": 4,
            "resourceVersion": "184467", "creationTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["captmachine.infrastructure.cluster.x-k8s.io"],
            "ownerReferences": [{"apiVersion": "v1", "kind": "Cluster", "name": "demo", "uid": "1"}],
            "managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {}}}],
        },
        "spec": spec,
        "status": {"ready": true, "conditions": [{"type": "Ready", "status": "True"}]},
    })
}

#[tokio::test]
async fn what_kubectl_prints_goes_in_again_and_again() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let capt = "infrastructure.cluster.x-k8s.io/v1beta1";
    let machine = local_machine("managed-ng-1", 1, &json!({}))["spec"].clone();
    let module = "variable \"id\" {\n  type = string\n}\nresource \"terraform_data\" \"it\" {\n  input = var.id\n}\n";
    let mut namespace = from_kubectl("v1", "Namespace", "team", &json!({"finalizers": ["kubernetes"]}));
    namespace["metadata"].as_object_mut().unwrap().remove("namespace");
    namespace["status"] = json!({"phase": "Active"});
    let mut secret = from_kubectl("v1", "Secret", "db", &Value::Null);
    secret.as_object_mut().unwrap().remove("spec");
    secret["stringData"] = json!({"password": "as-long-as-it-must-be"});
    secret["type"] = json!("Opaque");
    let documents = [
        namespace,
        secret,
        from_kubectl(
            capt,
            "WorkspaceTemplate",
            "own",
            &json!({"template": {"metadata": {"description": "Own."}, "spec": {"module": module}}}),
        ),
        from_kubectl(
            capt,
            "WorkspaceTemplateApply",
            "own-apply",
            &json!({"templateRef": {"name": "own"}, "variables": {"id": "x"}}),
        ),
        from_kubectl(capt, "CaptMachine", "managed-ng-1", &machine),
    ];
    let list = json!({"apiVersion": "v1", "kind": "List", "items": documents, "metadata": {"resourceVersion": ""}});
    for (time, result) in ["created", "unchanged", "unchanged"].iter().enumerate() {
        let (results, notes) = applied(&daemon, &list).await;
        assert_eq!(results, [*result; 5], "time {time}");
        assert_eq!(notes.len(), 5, "{notes:?}");
        let of_machine = "metadata.uid, metadata.generation, metadata.creationTimestamp, metadata.finalizers, metadata.managedFields, metadata.ownerReferences, status";
        assert!(notes.iter().any(|note| note.ends_with(&format!(": {of_machine}"))), "{notes:?}");
    }
    for name in ["managed-ng-1"] {
        daemon.wait_until_ready(name).await;
    }
    // One of a time before, written by hand: there its version is meant.
    let mut by_hand = documents[4].clone();
    by_hand["metadata"].as_object_mut().unwrap().remove("uid");
    assert_eq!(daemon.post("/v1/apply", &by_hand).await.status, 412);
    by_hand["metadata"]["uid"] = daemon.machine("managed-ng-1").await["metadata"]["uid"].clone();
    assert_eq!(daemon.post("/v1/apply", &by_hand).await.status, 412, "it was read here");
    daemon.delete(&format!("{MACHINES}/managed-ng-1")).await;
    daemon.wait_until_gone("managed-ng-1").await;
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_stored_already_locks_nobody_out() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let path = format!("{MACHINES}/old");
    // It is there with what nobody could write today, as one of before, or one that an import takes over.
    let mut old = local_machine("old", 1, &json!({}));
    old["spec"]["import"] = json!({});
    old["spec"]["nodeGroupConfig"]["labels"] = json!({"kubernetes.io/role": "x"});
    old["spec"]["nodeGroupConfig"]["taints"] = json!([{"key": "a b", "effect": "NO_EXECUTE"}]);
    old["spec"]["nodeGroupConfig"]["updateConfig"] = json!({"maxUnavailable": 50});
    let answer = daemon.post("/v1/apply?paused=true", &old).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let told = answer.json()["items"][0]["warnings"].as_array().unwrap().clone();
    let told = |end: &str| told.iter().any(|it| it["pointer"].as_str().unwrap().ends_with(end));
    assert!(told("/labels/kubernetes.io~1role") && told("/taints/0/key") && told("/maxUnavailable"), "{}", answer.text);

    // It can be read, printed and applied again, and all else of it can be edited.
    let mut shown = printed(&daemon, &path).await;
    shown["spec"].as_object_mut().unwrap().remove("import");
    for (pointer, value) in [
        ("/metadata/labels", json!({"team": "data"})),
        ("/spec/nodeGroupConfig/tags", json!({"a": "b"})),
        ("/spec/nodeGroupConfig/scaling/maxSize", json!(9)),
    ] {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        shown.pointer_mut(parent).unwrap()[name] = value;
        shown["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        let answer = daemon.put(&path, &shown).await;
        assert_eq!(answer.status, 200, "{pointer}: {}", answer.text);
        assert!(
            warnings(&answer)
                .iter()
                .any(|it| it.contains("labels/kubernetes.io~1role") && it.contains("It was so before and stays")),
            "{:?}",
            warnings(&answer)
        );
    }
    let answer = daemon.post(&format!("{path}/scale"), &json!({"desiredSize": 2})).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    // Not another one like it, and not that one in another way.
    for (patch, place) in [
        (
            json!({"spec": {"nodeGroupConfig": {"labels": {"k8s.io/other": "x"}}}}),
            "/spec/nodeGroupConfig/labels/k8s.io~1other",
        ),
        (
            json!({"spec": {"nodeGroupConfig": {"labels": {"kubernetes.io/role": "y"}}}}),
            "/spec/nodeGroupConfig/labels/kubernetes.io~1role",
        ),
        (
            json!({"spec": {"nodeGroupConfig": {"updateConfig": {"maxUnavailable": 60}}}}),
            "/spec/nodeGroupConfig/updateConfig/maxUnavailable",
        ),
        (json!({"spec": {"nodeGroupConfig": {"amiType": "AL1"}}}), "/spec/nodeGroupConfig/amiType"),
        (json!({"metadata": {"labels": {"a": "b c"}}}), "/metadata/labels/a"),
    ] {
        let answer = daemon.patch(&path, &patch).await;
        assert_eq!(
            (answer.status.as_u16(), answer.pointers()),
            (422, vec![place.to_owned()]),
            "{patch}: {}",
            answer.text
        );
    }
    // What is mended is mended.
    let mended = json!({"spec": {"nodeGroupConfig": {"labels": {"kubernetes.io/role": null}, "taints": [], "updateConfig": null}}});
    let answer = daemon.patch(&path, &mended).await;
    assert_eq!((answer.status.as_u16(), warnings(&answer)), (200, vec![]), "{}", answer.text);
    daemon.delete(&path).await;
    daemon.wait_until_gone("old").await;
    daemon.stop().await;
}

/// An answer's problems, as `pointer code`.
fn problems(answer: &Answer) -> Vec<String> {
    let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|it| format!("{} {}", it["pointer"].as_str().unwrap(), it["code"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn what_is_wrong_is_told_once_and_in_plain_words() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    // What is refused is not missing for those that need it.
    let mut inside = local_machine("w", 1, &json!({}));
    inside["metadata"]["namespace"] = json!("shop");
    let mut made = local_machine("w", 1, &json!({}));
    made["spec"]["workspaceTemplateRef"] = json!({"name": "mine"});
    let template = |files: Value| json!({"apiVersion": "captd/v1", "kind": "WorkspaceTemplate", "metadata": {"name": "mine"}, "spec": {"files": files}});
    let capt = |kind: &str, name: &str, spec: Value| json!({"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1", "kind": kind, "metadata": {"name": name}, "spec": spec});
    for (documents, expected) in [
        (
            json!([{"apiVersion": "captd/v1", "kind": "Namespace", "metadata": {"name": "shop"}, "spec": {"limits": {"machines": 0}}}, inside]),
            "/0/spec/limits/machines out_of_range",
        ),
        (json!([template(json!({"main.tf": 5})), made]), "/0/spec/files/main.tf wrong_type"),
        (json!([made, template(json!({"main.tf": "resource {"}))]), "/1/spec/files not_a_template"),
        (
            json!([
                capt("WorkspaceTemplate", "mine", json!({"template": {}})),
                capt("WorkspaceTemplateApply", "a", json!({"templateRef": {"name": "mine"}}))
            ]),
            "/0/spec/template/spec required",
        ),
    ] {
        let answer = daemon.post("/v1/apply", &documents).await;
        let found = problems(&answer);
        assert_eq!(answer.status, 422, "{}", answer.text);
        let (place, code) = expected.split_once(' ').unwrap();
        assert!(found.len() == 1 && found[0].starts_with(place), "{found:?} is not {place} {code}");
    }
    // No word of a library's.
    for (yaml, expected) in [
        ("kind: Machine\nkind: Machine\n", "line 2, column 1: the key `kind` stands twice in one object"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", "line 4, column 3: the key `b` stands twice in one object"),
        ("a: {b: 1, b: 2}\n", "the key `b` stands twice in one object"),
        ("---\na: 1\n---\n? b\n: 1\n? b\n: 2\n", "the key `b` stands twice in one object"),
        ("a: *nobody\n", "`*` names an anchor"),
    ] {
        let answer = daemon.apply(yaml).await;
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(
            detail.starts_with("this is not YAML that captd takes: ") && detail.contains(expected),
            "{yaml:?}: {detail}"
        );
        assert!(!detail.contains("mapping") && !detail.contains("duplicate"), "{yaml:?}: {detail}");
        let said = type_in(&daemon, "apply -f -", yaml).with_code(1);
        assert!(said.err.contains(expected), "{said:?}");
    }
    let json = [("content-type", "application/json")];
    let answer = daemon.request(Method::POST, "/v1/apply", &json, br#"{"a": 1, "a": 2}"#.to_vec()).await;
    assert!(
        answer.json()["detail"].as_str().unwrap().contains("the key `a` stands twice in one object"),
        "{}",
        answer.text
    );
    let manifest = "description: a\ndescription: b\nprovider: none\n";
    let answer = daemon.post("/v1/apply", &template(json!({"template.yaml": manifest, "main.tf": ""}))).await;
    let detail = answer.json()["errors"][0]["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("template.yaml: line 2, column 1: the key `description` stands twice"), "{detail}");
    daemon.stop().await;
}
