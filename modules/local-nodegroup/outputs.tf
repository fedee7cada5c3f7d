output "node_group_id" {
  description = "The node group as <cluster>:<name>."
  value       = "${terraform_data.group.triggers_replace.cluster_name}:${terraform_data.group.triggers_replace.node_group_name}"
}

output "current_size" {
  description = "Nodes that exist."
  # Only a node that exists has an id: while one does not, the number is unknown.
  value = length(compact([for node in terraform_data.node : node.id]))
}

output "status" {
  description = "ACTIVE, once the node group exists."
  value       = terraform_data.group.output.status
}
