output "node_group_id" {
  description = "The node group as <cluster>:<name>."
  value       = module.nodegroup.node_group_id
}

output "node_group_arn" {
  description = "ARN of the Auto Scaling group."
  value       = module.nodegroup.node_group_arn
}

output "node_role_arn" {
  description = "ARN of the nodes' IAM role, given or made."
  value       = module.nodegroup.node_role_arn
}

output "current_size" {
  description = "Instances that start or run."
  value       = module.nodegroup.current_size
}

output "status" {
  description = "ACTIVE, once the Auto Scaling group exists."
  value       = module.nodegroup.status
}
