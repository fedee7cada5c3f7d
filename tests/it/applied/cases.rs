//! Templates whose folder is changed while captd is down, and what becomes of the workspaces of their names.

use serde_json::{Value, json};

/// One of them.
pub struct Case {
    pub name: &'static str,
    /// `protects` of its manifest.
    pub protects: &'static str,
    pub first: String,
    pub then: String,
    /// How its run ends, or where it stops.
    pub state: &'static str,
    /// Why it stops.
    pub because: &'static str,
    /// What its plan counts, without what is 0; null where there is no plan.
    pub counts: Value,
    /// What is in its state afterwards.
    pub resources: &'static [&'static str],
}

const A: &str =
    "resource \"terraform_data\" \"a\" { input = \"a\" }\noutput \"said\" { value = terraform_data.a.output }\n";

pub const Z: &str =
    "resource \"terraform_data\" \"z\" { input = \"a\" }\noutput \"said\" { value = terraform_data.z.output }\n";

const MOVED: &str = "moved {\n  from = terraform_data.a\n  to   = terraform_data.z\n}\n";

const LET_GO: &str = "removed {\n  from = terraform_data.a\n  lifecycle { destroy = false }\n}\n";

const CHECK: &str = "check \"c\" {
  assert {
    condition     = terraform_data.a.output == \"b\"
    error_message = \"a is not b\"
  }
}
";

const IMPORT: &str = "import {\n  to = terraform_data.b\n  id = \"x\"\n}\nresource \"terraform_data\" \"b\" {}\n";

const ONLY_A: &[&str] = &["terraform_data.a"];

fn case(name: &'static str, first: &str, then: &str, counts: Value, resources: &'static [&'static str]) -> Case {
    let (first, then) = (first.to_owned(), then.to_owned());
    Case { name, protects: "", first, then, state: "succeeded", because: "", counts, resources }
}

pub fn cases() -> Vec<Case> {
    outputs().into_iter().chain(addresses()).chain(others()).chain(that_wait()).collect()
}

fn outputs() -> Vec<Case> {
    let with = |more: &str| format!("{A}{more}");
    let data = |file: &str| {
        format!(
            "data \"terraform_remote_state\" \"x\" {{\n  backend = \"local\"\n  config  = {{ path = \"${{path.module}}/{file}\" }}\n}}\noutput \"x\" {{ value = data.terraform_remote_state.x.outputs.x }}\n"
        )
    };
    let hidden = "output \"key\" {\n  value     = \"k\"\n  sensitive = true\n}\n";
    let clock = "output \"t\" { value = timestamp() }\noutput \"p\" { value = plantimestamp() }\n";
    vec![
        case("output-added", A, &with("output \"new\" { value = \"n\" }\n"), json!({"outputs": 1}), ONLY_A),
        case("output-gone", &with("output \"old\" { value = \"o\" }\n"), A, json!({"outputs": 1}), ONLY_A),
        case(
            "output-hidden",
            &with("output \"key\" { value = \"k\" }\n"),
            &with(hidden),
            json!({"outputs": 1}),
            ONLY_A,
        ),
        case(
            "outputs-only",
            "output \"x\" { value = \"1\" }\n",
            "output \"x\" { value = \"2\" }\noutput \"y\" { value = null }\n",
            json!({"outputs": 1}),
            &[],
        ),
        case("data-only", &data("x.json"), &data("y.json"), json!({"outputs": 1}), &["data.terraform_remote_state.x"]),
        case("clock", clock, clock, json!({"outputs": 2}), &[]),
    ]
}

fn addresses() -> Vec<Case> {
    let renamed = "module \"n\" { source = \"./m\" }\nmoved {\n  from = module.m\n  to   = module.n\n}\n";
    vec![
        case("moved", A, &format!("{Z}{MOVED}"), json!({"move": 1}), &["terraform_data.z"]),
        case(
            "into-a-module",
            "module \"m\" { source = \"./m\" }\n",
            renamed,
            json!({"move": 1}),
            &["module.n.terraform_data.a"],
        ),
        case("let-go", A, &format!("output \"said\" {{ value = \"a\" }}\n{LET_GO}"), json!({"forget": 1}), &[]),
    ]
}

fn others() -> Vec<Case> {
    let deposed = json!({"delete": 1, "deposed": 1, "outputs": 1});
    let wrong = format!("{A}resource \"terraform_data\" \"c\" {{ input = tonumber(\"x\") }}\n");
    vec![
        case("left-by-a-replacement", A, A, deposed, ONLY_A),
        Case { state: "unchanged", ..case("checked", A, &format!("{A}{CHECK}"), json!({}), ONLY_A) },
        Case { state: "failed", ..case("fails-at-plan", A, &wrong, json!(null), ONLY_A) },
    ]
}

fn that_wait() -> Vec<Case> {
    let waits = |it: Case, because| Case { protects: "terraform_data.a", state: "awaiting_approval", because, ..it };
    let forgotten = "the plan would forget terraform_data.a: it stays in the cloud, and nothing manages it any more";
    let said = "output \"said\" { value = \"a\" }\n";
    let more = json!({"create": 1, "forget": 1, "outputs": 1});
    vec![
        waits(
            case("taken-over", A, &format!("{A}{IMPORT}"), json!({"import": 1}), ONLY_A),
            "the plan takes over what exists: terraform_data.b (x)",
        ),
        waits(
            case("moved-protected", A, &format!("{Z}{MOVED}"), json!({"move": 1}), ONLY_A),
            "the plan would move terraform_data.a to terraform_data.z",
        ),
        waits(case("let-go-protected", A, &format!("{said}{LET_GO}"), json!({"forget": 1}), ONLY_A), forgotten),
        waits(
            case("let-go-and-more", A, &format!("resource \"terraform_data\" \"b\" {{}}\n{LET_GO}"), more, ONLY_A),
            forgotten,
        ),
    ]
}
