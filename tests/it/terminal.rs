//! What others have written, on a terminal and in a pipe: it steers no terminal, and nothing of it is cut off.

use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::captd;
use crate::support::{Daemon, on_path, python, requires, until};
use crate::workspaces::setup;

/// Clears the screen, sets a clipboard (OSC 52), a C1 control, turns the text around, rings; as HCL and YAML write it.
const HOSTILE: &str = "\\u001b[2J\\u001b]52;c;aGk=\\u0007\\u009b31m\\u202e\\u2066\\r";
/// The same characters.
const STEERING: [char; 6] = ['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}', '\u{2066}', '\u{7f}'];
/// What a person sees of them.
const VISIBLE: &str = "\\u001b[2J\\u001b]52;c;aGk=\\u0007\\u009b31m\\u202e\\u2066\\u000d";

fn templates() -> TempDir {
    let folder = TempDir::new().unwrap();
    let long = "and so on ".repeat(40);
    let main = format!(
        r#"
# {raw}
resource "terraform_data" "it" {{
  input = "{HOSTILE}"
  provisioner "local-exec" {{ command = "printf 'told \\033[2J\\302\\233\\342\\200\\256.\\n'" }}
}}
resource "terraform_data" "fails" {{
  depends_on = [terraform_data.it]
  provisioner "local-exec" {{ command = "echo 'ThrottlingException: Rate exceeded, {HOSTILE} {long}THE-REMEDY' >&2; exit 1" }}
}}
output "said" {{
  value = "{HOSTILE}"
  description = "{HOSTILE}"
}}
"#,
        raw = "\u{1b}[2J\u{202e}",
    );
    let template = folder.path().join("workspace/hostile");
    std::fs::create_dir_all(&template).unwrap();
    std::fs::write(template.join("template.yaml"), format!("description: \"Of a test {HOSTILE}.\"\nprovider: none\n"))
        .unwrap();
    std::fs::write(template.join("main.tf"), main).unwrap();
    folder
}

/// Types a command on a terminal; what comes to it.
fn on_terminal(daemon: &Daemon, line: &str) -> String {
    let python = python().or_else(|| on_path("python3")).expect("the tests have a Python");
    let output = Command::new(python)
        .args(["-c", "import pty, sys; pty.spawn(sys.argv[1:])", env!("CARGO_BIN_EXE_captd")])
        .args(line.split_whitespace())
        .env_clear()
        .env("HOME", daemon.dir())
        .env("CAPTD_ADDR", daemon.base())
        .env("CAPTD_TOKEN", daemon.token())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn what_others_wrote_steers_no_terminal_and_its_end_is_not_cut_off() {
    if !requires("terraform") || !requires("aws") {
        return;
    }
    let folder = templates();
    let daemon = Daemon::start_with(setup(&folder));
    let declared = json!({"apiVersion": "captd/v1", "kind": "Workspace",
        "metadata": {"name": "it", "annotations": {"note": "\u{1b}[2J\u{9b}31m\u{202e}"}},
        "spec": {"workspaceTemplateRef": {"name": "hostile"}}});
    let created = daemon.post("/v1/namespaces/default/workspaces", &declared).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let failed = until("it has failed", async || {
        let seen = daemon.get("/v1/namespaces/default/workspaces/it").await.json();
        seen["status"]["failureMessage"].is_string().then_some(seen)
    })
    .await;
    let run = failed["status"]["latestRun"]["id"].as_str().unwrap().to_owned();
    until("it says when it is tried again", async || {
        let described = captd(&daemon, "describe workspace/it").with_code(0).out;
        let next = described.lines().find(|line| line.starts_with("Next try:"))?;
        (next.contains("in ") && next.contains("s (20")).then_some(())
    })
    .await;
    assert_eq!(daemon.post("/v1/namespaces/default/workspaces/it/pause", &json!({})).await.status, 200);

    for line in [
        format!("logs {run}"),
        format!("logs {run} -f"),
        "describe workspace/it".to_owned(),
        format!("describe {run}"),
        "get workspaces -o wide".to_owned(),
        "get workspace it -o json".to_owned(),
        "get workspace it -o yaml".to_owned(),
        "get templates".to_owned(),
        "get runs -o wide".to_owned(),
        "events".to_owned(),
        "events -o json".to_owned(),
        "template show hostile".to_owned(),
        "template show hostile --rendered".to_owned(),
        format!("plan {run}"),
        "state pull workspace/it".to_owned(),
    ] {
        let shown = on_terminal(&daemon, &line);
        assert!(!shown.is_empty() && !shown.contains(STEERING), "{line}: {shown:?}");
        assert!(!shown.replace("\r\n", "").contains('\r'), "{line}: {shown:?}");
    }
    let log = on_terminal(&daemon, &format!("logs {run}"));
    assert!(log.contains("told \\u001b[2J\\u009b\\u202e."), "{log}");
    assert!(on_terminal(&daemon, "template show hostile").contains(VISIBLE));

    // Bytes as they were where the format can carry them; escaped as the format does it where it cannot.
    let piped = captd(&daemon, &format!("logs {run}")).with_code(0).out;
    assert!(piped.contains("told \u{1b}[2J\u{9b}\u{202e}."), "{piped:?}");
    let annotation = &declared["metadata"]["annotations"]["note"];
    let of_json: Value = serde_json::from_str(&captd(&daemon, "get workspace it -o json").with_code(0).out).unwrap();
    assert_eq!(&of_json["metadata"]["annotations"]["note"], annotation);
    let of_yaml: Value = serde_saphyr::from_str(&captd(&daemon, "get workspace it -o yaml").with_code(0).out).unwrap();
    assert_eq!(&of_yaml["metadata"]["annotations"]["note"], annotation);

    for line in ["get workspaces -o wide", "describe workspace/it", "get runs -o wide", "events"] {
        let (piped, shown) = (captd(&daemon, line).with_code(0).out, on_terminal(&daemon, line));
        for shown in [piped, shown] {
            assert!(shown.contains("THE-REMEDY") && !shown.contains('…'), "{line}: {shown}");
        }
    }
    daemon.stop().await;
}
