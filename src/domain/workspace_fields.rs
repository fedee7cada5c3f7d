//! Reads a workspace's `spec` from JSON.

use serde_json::Value;

use super::fields::Fields;
use super::import;
use super::machine_fields::{checked_text, provider_ref, run_policy, template_ref};
use super::machine_rules;
use super::needs;
use super::problem::Problems;
use super::sources;
use super::workspace::WorkspaceSpec;

/// Reads a `spec`. What is wrong is in `problems`, pointers below `at`.
pub fn parse_spec(value: &Value, at: &str, problems: &mut Problems) -> Option<WorkspaceSpec> {
    let mut fields = Fields::open(value, at, problems)?;
    let template = fields.object("workspaceTemplateRef", template_ref);
    let template = fields.required("workspaceTemplateRef", template);
    let provider_config_ref = provider_ref(&mut fields);
    let region = checked_text(&mut fields, "region", machine_rules::check_region);
    let variables = needs::variables(&mut fields);
    let run_policy = fields.object("runPolicy", run_policy).unwrap_or_default();
    let deletion_protection = fields.boolean("deletionProtection").unwrap_or_default();
    let retain_on_delete = fields.boolean("retainOnDelete").unwrap_or_default();
    let (wait_for, export_to) = (needs::wait_for(&mut fields), needs::export_to(&mut fields));
    let sources = sources::parse(&mut fields);
    let import = import::parse(&mut fields);
    fields.finish();
    Some(WorkspaceSpec {
        workspace_template_ref: template?,
        provider_config_ref,
        region,
        variables,
        run_policy,
        deletion_protection,
        retain_on_delete,
        wait_for,
        export_to,
        var_files: sources.var_files,
        env: sources.env,
        write_connection_secret_to_ref: sources.write_connection_secret_to_ref,
        import,
    })
}
