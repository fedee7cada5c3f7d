//! Small things that are as one expects: byte order marks, a provider that is a part of Terraform, lock files, numbers
//! where texts are wanted, an output that happens to be called `status`.

use serde_json::json;
use tempfile::TempDir;

use crate::cli::{captd, type_in};
use crate::support::{Daemon, requires};

const BUILT_IN: &str = "terraform {\n  required_providers {\n    terraform = {\n      source = \"terraform.io/builtin/terraform\"\n    }\n  }\n}\nvariable \"kubernetes\" {\n  type    = string\n  default = \"1.30\"\n}\nresource \"terraform_data\" \"it\" {}\noutput \"status\" { value = \"FAILED\" }\n";

#[tokio::test]
async fn a_template_with_a_byte_order_mark_a_lock_file_and_a_status_of_its_own() {
    if !requires("terraform") {
        return;
    }
    let daemon = Daemon::start();
    let folder = TempDir::new().unwrap();
    let main = BUILT_IN;
    std::fs::write(folder.path().join("template.yaml"), "\u{feff}description: Of a test.\nprovider: none\n").unwrap();
    std::fs::write(folder.path().join("main.tf"), format!("\u{feff}{main}")).unwrap();
    std::fs::write(folder.path().join(".terraform.lock.hcl"), "# pinned\n").unwrap();
    let pushed = captd(&daemon, &format!("template push net {}", folder.path().display())).with_code(0);
    assert!(pushed.err.contains(".terraform.lock.hcl is not sent: captd locks the providers"), "{pushed:?}");
    let files = json!({"main.tf": main, ".terraform.lock.hcl": "# pinned\n"});
    let refused = daemon.put("/v1/namespaces/default/templates/net", &json!({"spec": {"files": files}})).await;
    assert!(refused.status == 422 && refused.text.contains("leave it out, and pin versions"), "{}", refused.text);

    let declared = |version: &str| {
        format!(
            "\u{feff}apiVersion: captd/v1\nkind: Workspace\nmetadata: {{name: w}}\nspec:\n  workspaceTemplateRef: {{name: net}}\n  variables: {{kubernetes: {version}}}\n"
        )
    };
    let wrong = type_in(&daemon, "apply -f -", &declared("1.30")).with_code(1).err;
    assert!(wrong.contains("is a number, and a string is wanted; put it in quotes"), "{wrong}");
    type_in(&daemon, "apply -f - --wait", &declared("\"1.30\"")).with_code(0);
    let it = daemon.get("/v1/namespaces/default/workspaces/w").await.json();
    assert_eq!((&it["status"]["ready"], &it["status"]["phase"]), (&json!(true), &json!("Ready")), "{it}");
    assert_eq!(it["status"]["outputs"]["status"], "FAILED");

    // A state as an editor has saved it.
    let state = captd(&daemon, "state pull workspace/w").with_code(0).out;
    let mut value: serde_json::Value = serde_json::from_str(&state).unwrap();
    value["serial"] = json!(value["serial"].as_u64().unwrap() + 1);
    let file = folder.path().join("state.json");
    std::fs::write(&file, format!("\u{feff}{value}")).unwrap();
    captd(&daemon, &format!("state push workspace/w --forward --from {}", file.display())).with_code(0);
    let kept = captd(&daemon, "state pull workspace/w").with_code(0).out;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&kept).unwrap()["serial"], value["serial"]);
    captd(&daemon, "retry workspace/w --wait").with_code(0);
    daemon.stop().await;
}
