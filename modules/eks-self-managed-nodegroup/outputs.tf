output "node_group_id" {
  description = "The node group as <cluster>:<name>."
  value       = "${var.cluster_name}:${var.node_group_name}"
}

output "node_group_arn" {
  description = "ARN of the Auto Scaling group."
  value       = aws_autoscaling_group.this.arn
}

output "node_role_arn" {
  description = "ARN of the nodes' IAM role, given or made."
  value       = var.node_role_arn == null ? aws_iam_role.node[0].arn : var.node_role_arn
}

output "current_size" {
  description = "Instances that start or run."
  value       = length(data.aws_instances.nodes.ids)
}

output "status" {
  description = "ACTIVE, once the Auto Scaling group exists."
  value       = aws_autoscaling_group.this.id == "" ? "CREATING" : "ACTIVE"
}
