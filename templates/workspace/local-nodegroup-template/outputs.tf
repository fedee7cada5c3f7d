output "node_group_id" {
  description = "The node group as <cluster>:<name>."
  value       = module.nodegroup.node_group_id
}

output "current_size" {
  description = "Nodes that exist."
  value       = module.nodegroup.current_size
}

output "status" {
  description = "ACTIVE, once the node group exists."
  value       = module.nodegroup.status
}
