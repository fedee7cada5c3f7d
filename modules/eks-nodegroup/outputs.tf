output "node_group_id" {
  description = "The node group as <cluster>:<name>."
  value       = aws_eks_node_group.this.id
}

output "node_group_arn" {
  description = "ARN of the node group."
  value       = aws_eks_node_group.this.arn
}

output "node_role_arn" {
  description = "ARN of the nodes' IAM role, given or made."
  value       = aws_eks_node_group.this.node_role_arn
}

output "current_size" {
  description = "Nodes that run, counted by their tags; null where they are not counted."
  value       = one([for nodes in data.aws_instances.nodes : length(nodes.ids)])
}

output "desired_size" {
  description = "Nodes that EKS says the group is to have, as observed."
  value       = data.aws_eks_node_group.observed.scaling_config[0].desired_size
}

output "status" {
  description = "Status of the node group as observed: ACTIVE, UPDATING, DEGRADED …"
  value       = data.aws_eks_node_group.observed.status
}
