//! Templates that are uploaded: what is taken in, revisions, and rollouts.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::captd;
use crate::support::{Daemon, Setup, requires, until};

const PATH: &str = "/v1/namespaces/default/templates/net";

/// A template whose output is `word`; what is called `bad` cannot take it.
fn main_tf(word: &str) -> String {
    format!(
        r#"variable "id" {{ type = string }}
resource "terraform_data" "it" {{
  input = "{word} ${{var.id}}"
  lifecycle {{
    precondition {{
      condition     = !("{word}" == "poison" && var.id == "bad")
      error_message = "bad cannot take it"
    }}
  }}
}}
output "it" {{ value = terraform_data.it.output }}
"#
    )
}

fn upload(word: &str) -> Value {
    json!({"spec": {"description": "Of a test.", "files": {"main.tf": main_tf(word)}}})
}

fn workspace(name: &str) -> Value {
    json!({"apiVersion": "captd/v1", "kind": "Workspace", "metadata": {"name": name},
        "spec": {"workspaceTemplateRef": {"name": "net"}, "variables": {"id": name}}})
}

async fn outputs(daemon: &Daemon) -> Vec<String> {
    let all = daemon.get("/v1/namespaces/default/workspaces?limit=500").await.json();
    let mut words: Vec<String> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["status"]["outputs"]["it"].as_str().unwrap_or("-").to_owned())
        .collect();
    words.sort();
    words
}

async fn rollout(daemon: &Daemon) -> Value {
    daemon.get(&format!("{PATH}/rollout")).await.json()
}

fn stages(rollout: &Value, stage: &str) -> usize {
    rollout["followers"].as_array().unwrap().iter().filter(|follower| follower["stage"] == stage).count()
}

#[tokio::test]
async fn revisions_are_kept_and_the_last_good_one_goes_on() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let first = daemon.put(PATH, &upload("one")).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let revision = first.json()["revision"].as_str().unwrap().to_owned();
    assert_eq!(first.json()["variables"]["id"]["type"], "string");
    assert_eq!(daemon.put(PATH, &upload("one")).await.status, 200, "the same again is no other revision");

    daemon.post("/v1/namespaces/default/workspaces", &workspace("a")).await;
    daemon.wait_for_workspace("a").await;
    let bad = daemon.put(PATH, &json!({"spec": {"files": {"main.tf": "resource \"terraform_data\" {"}}})).await;
    assert_eq!(bad.status, 422, "{}", bad.text);
    let still = daemon.get(PATH).await.json();
    assert_eq!((&still["revision"], &still["current"]), (&json!(revision), &json!(revision)));

    let second = daemon.put(PATH, &upload("two")).await.json()["revision"].as_str().unwrap().to_owned();
    until("it has the second", async || (outputs(&daemon).await == ["two a"]).then_some(())).await;
    let run = daemon.get("/v1/runs?workspace=a").await.json()["items"][0].clone();
    assert_eq!((&run["trigger"], &run["generation"]), (&json!("template"), &json!(1)));

    let listed = captd(&daemon, "template revisions net").with_code(0).out;
    let lines: Vec<&str> = listed.lines().skip(1).collect();
    assert!(lines[0].starts_with(&format!("2        {second}")) && lines[0].contains("current"), "{listed}");
    assert!(lines[1].starts_with(&format!("1        {revision}")), "{listed}");
    let diff = captd(&daemon, "template diff net").with_code(0).out;
    assert!(diff.contains("-  input = \"one ${var.id}\"\n+  input = \"two ${var.id}\""), "{diff}");
    assert!(captd(&daemon, "template show net --rendered").with_code(0).out.contains("# main.tf\nvariable \"id\""));

    let back = captd(&daemon, "template rollback net").with_code(0).out;
    assert_eq!(back, format!("template/net: revision {revision} is the current one again\n"));
    until("it has the first again", async || (outputs(&daemon).await == ["one a"]).then_some(())).await;

    let refused = daemon.delete(PATH).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (409, &json!("in_use")), "{}", refused.text);
    assert!(refused.text.contains("used by workspace default/a"), "{}", refused.text);
    captd(&daemon, "delete workspace/a --wait").with_code(0);
    assert_eq!(daemon.delete(PATH).await.status, 204);
    assert_eq!(daemon.get(PATH).await.status, 404);
    daemon.stop().await;
}

#[tokio::test]
async fn a_change_rolls_out_a_few_at_a_time_stops_at_a_bad_one_and_goes_on() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    daemon.put(PATH, &upload("one")).await;
    // The bad one is the seventh of twenty.
    let names: Vec<String> = (0..20).map(|n| if n == 6 { "bad".to_owned() } else { format!("w{n:02}") }).collect();
    let documents: Vec<String> = names.iter().map(|name| workspace(name).to_string()).collect();
    assert_eq!(daemon.apply(&documents.join("\n---\n")).await.status, 200);
    until("all have the first", async || outputs(&daemon).await.iter().all(|it| it.starts_with("one ")).then_some(()))
        .await;

    let mut poisoned = upload("poison");
    poisoned["spec"]["updatePolicy"] = json!({"maxAtOnce": 3});
    daemon.put(PATH, &poisoned).await;
    let stopped = until("it stops", async || {
        let rollout = rollout(&daemon).await;
        assert!(stages(&rollout, "busy") + stages(&rollout, "failed") <= 3, "{rollout}");
        (rollout["state"] == "stopped" && stages(&rollout, "busy") == 0).then_some(rollout)
    })
    .await;
    assert_eq!(stages(&stopped, "failed"), 1, "{stopped}");
    let reached = stages(&stopped, "done");
    assert!(reached <= 3, "those that went before the bad one or beside it: {stopped}");
    assert_eq!(outputs(&daemon).await.iter().filter(|it| it.starts_with("one ")).count(), 20 - reached);
    let said = captd(&daemon, "template rollout net").with_code(0);
    assert!(said.out.contains(&format!("stopped, {reached} of 20 have it; failed: workspace/default/bad")), "{said:?}");

    // It is mended, and the others follow.
    let mend = json!({"spec": {"variables": {"id": "good"}}});
    daemon.patch("/v1/namespaces/default/workspaces/bad", &mend).await;
    let watched = captd(&daemon, "template rollout net --watch").with_code(0);
    assert!(watched.out.lines().last().unwrap().ends_with("done, 20 of 20 have it"), "{watched:?}");
    assert!(outputs(&daemon).await.iter().all(|it| it.starts_with("poison ")));
    for name in &names {
        let runs = daemon.get(&format!("/v1/runs?workspace={name}")).await.json();
        let kinds: Vec<&Value> = runs["items"].as_array().unwrap().iter().map(|run| &run["trigger"]).collect();
        let expected = if name == "bad" { vec!["spec", "template", "spec"] } else { vec!["template", "spec"] };
        assert_eq!(kinds, expected, "{name}");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn a_manual_policy_waits_and_a_pinned_one_stays() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let manual = |word: &str| {
        let mut upload = upload(word);
        upload["spec"]["updatePolicy"] = json!({"mode": "manual"});
        upload
    };
    let first = daemon.put(PATH, &manual("one")).await.json()["revision"].clone();
    let mut pinned = workspace("pinned");
    pinned["spec"]["workspaceTemplateRef"]["revision"] = first.clone();
    daemon.apply(&format!("{}\n---\n{pinned}", workspace("follows"))).await;
    daemon.wait_for_workspace("follows").await;
    daemon.wait_for_workspace("pinned").await;
    daemon.put(PATH, &manual("two")).await;
    let waiting = rollout(&daemon).await;
    assert_eq!((&waiting["state"], &waiting["pinned"]), (&json!("waiting"), &json!(1)));
    let said = captd(&daemon, "template rollout net").with_code(0);
    assert!(said.err.contains("captd template rollout net --start"), "{said:?}");
    assert_eq!(outputs(&daemon).await, ["one follows", "one pinned"]);
    captd(&daemon, "template rollout net --start --watch").with_code(0);
    assert_eq!(outputs(&daemon).await, ["one pinned", "two follows"]);
    // A new one takes the current revision; a pin that is taken off too.
    daemon
        .patch(
            "/v1/namespaces/default/workspaces/pinned",
            &json!({"spec": {"workspaceTemplateRef": {"revision": null}}}),
        )
        .await;
    daemon.wait_for_workspace("pinned").await;
    assert_eq!(outputs(&daemon).await, ["two follows", "two pinned"]);
    daemon.stop().await;
}

#[tokio::test]
async fn what_cannot_be_taken_in_is_told_with_file_line_and_remedy() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let good = "output \"it\" { value = 1 }\n";
    for (files, pointer, code, words) in [
        (json!({"main.tf": "resource \"terraform_data\" {"}), "/spec/files", "not_a_template", "main.tf"),
        (json!({"readme.md": "nothing"}), "/spec/files", "empty", "no .tf file"),
        (
            json!({"main.tf.tera": "locals { a = {{ nothing }} }"}),
            "/spec/files/main.tf.tera",
            "not_rendered",
            "nothing",
        ),
        (json!({"main.tf.tera": "{% for x in [1] %}"}), "/spec/files/main.tf.tera", "not_rendered", "main.tf.tera"),
        (
            json!({"main.tf": "\n\nresource \"null_resource\" \"x\" {}"}),
            "/spec/files/main.tf",
            "provider",
            "main.tf line 3: the provider `null` is not allowed",
        ),
        (json!({"main.tf": good, "../x.tf": good}), "/spec/files/..~1x.tf", "invalid_path", "no path"),
        (json!({"main.tf": good, "/etc/x.tf": good}), "/spec/files/~1etc~1x.tf", "invalid_path", "no path"),
        (
            json!({"main.tf": good, "terraform.tfvars.json": "{}"}),
            "/spec/files/terraform.tfvars.json",
            "reserved",
            "captd writes",
        ),
        (json!({"main.tf": good, "x.auto.tfvars": "a = 1"}), "/spec/files/x.auto.tfvars", "reserved", "captd writes"),
        (json!({"main.tf": good, "x.tf.json": "{}"}), "/spec/files/x.tf.json", "not_hcl", "looked at in .tf files"),
        (
            json!({"main.tf": good, "m/x.tf.json.tera": "{}"}),
            "/spec/files/m~1x.tf.json.tera",
            "not_hcl",
            "looked at in .tf files",
        ),
        (
            json!({"main.tf": "locals { a = file(\"../../admin.token\") }"}),
            "/spec/files/main.tf",
            "file",
            "reads `../../admin.token`",
        ),
        (json!({"main.tf": "variable \"a\" {}\nvariable \"a\" {}"}), "/spec/files", "not_a_template", "line 2"),
        (
            json!({"main.tf": "variable \"a\" {}", "more.tf": "\nvariable \"a\" {}"}),
            "/spec/files",
            "declared_twice",
            "more.tf line 2: variable `a` is declared in main.tf line 1 already",
        ),
        (
            json!({"main.tf": "module \"a\" {\n  source = \"./modules/a\"\n}", "modules/a/main.tf": "module \"b\" {\n  source = \"git::https://example.com/b\"\n}"}),
            "/spec/files/modules~1a~1main.tf",
            "module_source",
            "modules/a/main.tf line 1: the module source `git::https://example.com/b` is not allowed",
        ),
    ] {
        let answer = daemon.put(PATH, &json!({"spec": {"files": files}})).await;
        assert_eq!(answer.status, 422, "{files}: {}", answer.text);
        let error = &answer.json()["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{}", answer.text);
        assert!(error["detail"].as_str().unwrap().contains(words), "{words}: {}", answer.text);
    }
    assert_eq!(daemon.get(PATH).await.status, 404, "nothing of it is kept");
    for (spec, words) in [
        (json!({}), "`files` is required"),
        (json!({"files": {"main.tf": good}, "protect": []}), "did you mean `protects`?"),
        (
            json!({"files": {"main.tf": good, "template.yaml": "description: x\nprovider: none\n"}, "provider": "aws"}),
            "stands in template.yaml",
        ),
        (json!({"files": {"main.tf": good}, "updatePolicy": {"maxAtOnce": "many"}}), "template.yaml"),
        (json!({"files": {"main.tf": good}, "modules": ["nothing"]}), "there is no module `nothing`"),
    ] {
        let answer = daemon.put(PATH, &json!({"spec": spec})).await;
        assert_eq!(answer.status, 422, "{spec}: {}", answer.text);
        assert!(answer.text.contains(words), "{words}: {}", answer.text);
    }
    let many: serde_json::Map<String, Value> = (0..300).map(|n| (format!("f{n}.tf"), json!("locals {}"))).collect();
    let answer = daemon.put(PATH, &json!({"spec": {"files": many}})).await;
    assert!(answer.text.contains("at most 200 files"), "{}", answer.text);
    daemon.stop().await;
}

#[tokio::test]
async fn a_folder_is_pushed_and_used_from_another_namespace_where_it_is_exported() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let folder = TempDir::new().unwrap();
    let manifest = "description: Of a test.\nprovider: none\nexportTo: [shop]\n";
    std::fs::write(folder.path().join("template.yaml"), manifest).unwrap();
    std::fs::write(folder.path().join("main.tf"), main_tf("one")).unwrap();
    let pushed = captd(&daemon, &format!("template push net {}", folder.path().display())).with_code(0).out;
    assert!(pushed.starts_with("template/net: revision ") && pushed.ends_with(" is the current one\n"), "{pushed}");
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link.tf")).unwrap();
    let refused = captd(&daemon, &format!("template push net {}", folder.path().display())).with_code(1);
    assert!(refused.err.contains("is a link"), "{refused:?}");

    for tenant in ["shop", "other"] {
        daemon.put(&format!("/v1/namespaces/{tenant}"), &json!({})).await;
        let mut used = workspace("a");
        used["metadata"]["namespace"] = json!(tenant);
        used["spec"]["workspaceTemplateRef"]["namespace"] = json!("default");
        let answer = daemon.apply(&used.to_string()).await;
        assert_eq!(answer.status, if tenant == "shop" { 200 } else { 422 }, "{}", answer.text);
        if tenant == "other" {
            assert!(answer.text.contains("are not exported to `other`"), "{}", answer.text);
        }
    }
    until("the shop's is ready", async || {
        (daemon.get("/v1/namespaces/shop/workspaces/a").await.json()["status"]["ready"] == true).then_some(())
    })
    .await;
    daemon.stop().await;
}

#[tokio::test]
async fn what_an_operator_allows_is_allowed() {
    if !requires("terraform") {
        return;
    }
    let config = "[templates]\nallow_provisioners = true\nallow_providers = []\n".to_owned();
    let daemon = Daemon::start_with(Setup { config });
    let main = "resource \"terraform_data\" \"it\" {\n  provisioner \"local-exec\" {\n    command = \"true\"\n  }\n}\n";
    let answer = daemon.put(PATH, &json!({"spec": {"files": {"main.tf": main}}})).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let answer = daemon.put(PATH, &json!({"spec": {"files": {"main.tf": "provider \"aws\" {}"}}})).await;
    assert!(answer.text.contains("templates.allow_providers has none"), "{}", answer.text);
    daemon.stop().await;
}
