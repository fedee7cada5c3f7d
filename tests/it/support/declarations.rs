//! Declarations that many tests make.

use serde_json::{Value, json};

/// A machine on the local template, in captd's own form, with variables of that template.
pub fn local_machine(name: &str, desired: u32, variables: &Value) -> Value {
    json!({
        "apiVersion": "captd/v1", "kind": "Machine", "metadata": {"name": name},
        "spec": {
            "workspaceTemplateRef": {"name": "local-nodegroup-template"},
            "nodeGroupConfig": {"name": name, "instanceType": "t3.medium",
                "scaling": {"minSize": 1, "maxSize": 5, "desiredSize": desired}},
            "variables": variables,
        },
    })
}
