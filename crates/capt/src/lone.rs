//! A module block that stands alone and receives nothing of what a machine says, as in CAPT's first example: it gets
//! the arguments that its module declares and that it leaves unset, and its outputs are handed on.

use std::collections::BTreeSet;
use std::fmt::Write;

use captd_variables::declared;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body};

use crate::inline::{Served, attribute};

/// What is handed in: (argument of the module, expression, variable of the template, its declaration).
#[rustfmt::skip]
const ARGUMENTS: &[(&str, &str, &str, &str)] = &[
    ("cluster_name", "var.cluster_name", "cluster_name", "type = string"),
    ("name", "var.node_group_name", "node_group_name", "type = string"),
    ("node_group_name", "var.node_group_name", "node_group_name", "type = string"),
    ("instance_type", "var.instance_type", "instance_type", "type = string"),
    ("instance_types", "var.instance_types", "instance_types", "type    = list(string)\n  default = null"),
    ("min_size", "var.min_size", "min_size", "type = number"),
    ("max_size", "var.max_size", "max_size", "type = number"),
    ("desired_size", "var.desired_size", "desired_size", "type = number"),
    ("subnet_ids", "var.subnet_ids", "subnet_ids", "type = list(string)"),
    ("labels", "var.labels", "labels", "type    = map(string)\n  default = {}"),
    ("tags", "merge(var.tags, var.owner_tags)", "tags", "type    = map(string)\n  default = {}"),
    ("taints", "{ for taint in var.taints : \"${taint.key}:${taint.effect}\" => taint }", "taints",
     "type    = list(object({ key = string, value = optional(string), effect = string }))\n  default = []"),
    ("ami_type", "var.ami_type", "ami_type", "type    = string\n  default = null"),
    ("capacity_type", "var.capacity_type", "capacity_type", "type    = string\n  default = null"),
    ("disk_size", "var.disk_size", "disk_size", "type    = number\n  default = null"),
    ("cluster_version", "var.kubernetes_version", "kubernetes_version", "type    = string\n  default = null"),
    ("iam_role_arn", "var.node_role_arn", "node_role_arn", "type    = string\n  default = null"),
    ("update_config", "var.update_config == null ? { max_unavailable = 1 } : { for name, value in var.update_config : name => value if value != null }", "update_config",
     "type    = object({ max_unavailable = optional(number), max_unavailable_percentage = optional(number) })\n  default = null"),
];
/// What goes with an argument: (argument, the one that it goes with, expression).
const COMPANIONS: &[(&str, &str, &str)] = &[
    ("use_name_prefix", "name", "false"),
    ("create_iam_role", "iam_role_arn", "var.node_role_arn == null"),
    // Beside a launch template EKS takes no disk size.
    ("use_custom_launch_template", "disk_size", "var.disk_size == null"),
];
/// Outputs that machines are read by: (output of the template, of the module).
const OUTPUTS: &[(&str, &str)] = &[
    ("node_group_arn", "node_group_arn"),
    ("node_group_id", "node_group_id"),
    ("node_group_status", "node_group_status"),
    ("status", "node_group_status"),
];
/// The node group of a module of which a plan may not take it without a person.
const NODE_GROUP: &str = "aws_eks_node_group";

/// Completes the block, and gives what else belongs in the template. Nothing is done where the module takes something of
/// a machine already, or where what it takes is not known.
pub(crate) fn complete(body: &mut Body, served: &[Served<'_>], protects: &mut Vec<String>) -> String {
    let mut added = status_of(body).unwrap_or_default();
    for (label, module) in served {
        let files = module.files.values().filter_map(|text| text.parse().ok());
        let groups = files.flat_map(|body: Body| node_groups(&body).collect::<Vec<_>>());
        protects.extend(groups.map(|address| format!("module.{label}.{address}")));
    }
    let is_alone = body.blocks().count() == 1;
    let ([(label, module)], true) = (served, is_alone) else { return added };
    let Some(block) = body.get_blocks_mut("module").next().filter(|block| receives_none(block)) else { return added };
    let mut takes = BTreeSet::new();
    let mut gives = BTreeSet::new();
    for text in module.files.values() {
        let Ok(body) = text.parse::<Body>() else { continue };
        let found = declared(text, &body);
        takes.extend(found.variables.into_keys());
        gives.extend(found.outputs.into_keys());
    }
    let is_open = |block: &Block, name: &str| takes.contains(name) && !block.body.has_attribute(name);
    let mut variables = BTreeSet::new();
    for (argument, expression, variable, declaration) in ARGUMENTS {
        if !is_open(block, argument) {
            continue;
        }
        block.body.push(attribute(argument, parsed(expression)));
        if variables.insert(variable) {
            write!(added, "\nvariable \"{variable}\" {{\n  {declaration}\n}}\n").expect("invariant: a string takes it");
        }
        for (companion, _, expression) in COMPANIONS.iter().filter(|(_, with, _)| with == argument) {
            if is_open(block, companion) {
                block.body.push(attribute(companion, parsed(expression)));
            }
        }
    }
    if variables.contains(&"tags") {
        added.push_str("\nvariable \"owner_tags\" {\n  type    = map(string)\n  default = {}\n}\n");
    }
    for (output, of) in OUTPUTS.iter().filter(|(_, of)| gives.contains(*of)) {
        write!(added, "\noutput \"{output}\" {{\n  value = module.{label}.{of}\n}}\n")
            .expect("invariant: a string takes it");
    }
    added
}

/// Whether the block hands in nothing of what a machine says.
fn receives_none(block: &Block) -> bool {
    ARGUMENTS.iter().all(|(argument, ..)| !block.body.has_attribute(argument))
}

fn parsed(expression: &str) -> Expression {
    expression.parse().expect("invariant: the tables of this file hold expressions")
}

/// CAPT's templates call it `node_group_status`, and captd reads `status`.
fn status_of(body: &Body) -> Option<String> {
    let output = |name: &str| {
        body.get_blocks("output").find(|block| block.labels.first().is_some_and(|label| label.as_str() == name))
    };
    let value = &output("node_group_status")?.body.get_attribute("value")?.value;
    output("status").is_none().then(|| format!("\noutput \"status\" {{\n  value = {}\n}}\n", value.to_string().trim()))
}

/// Addresses of the node groups of a file.
fn node_groups(body: &Body) -> impl Iterator<Item = String> {
    body.get_blocks("resource").filter_map(|block| match block.labels.as_slice() {
        [kind, name] if kind.as_str() == NODE_GROUP => Some(format!("{NODE_GROUP}.{}", name.as_str())),
        _ => None,
    })
}
