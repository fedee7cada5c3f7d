output "node_group_id" {
  description = "The node group as <cluster>:<name>."
  value       = module.nodegroup.node_group_id
}

output "node_group_arn" {
  description = "ARN of the node group."
  value       = module.nodegroup.node_group_arn
}

output "node_role_arn" {
  description = "ARN of the nodes' IAM role, given or made."
  value       = module.nodegroup.node_role_arn
}

output "current_size" {
  description = "Nodes that run, counted by their tags; null where they are not counted."
  value       = module.nodegroup.current_size
}

output "desired_size" {
  description = "Nodes that EKS says the group is to have, as observed."
  value       = module.nodegroup.desired_size
}

output "status" {
  description = "Status of the node group as observed: ACTIVE, UPDATING, DEGRADED …"
  value       = module.nodegroup.status
}
