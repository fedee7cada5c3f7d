output "launch_template_id" {
  description = "Id of the launch template, where one is made."
  value       = one(aws_launch_template.this[*].id)
}

output "launch_template_arn" {
  description = "ARN of the launch template, where one is made."
  value       = one(aws_launch_template.this[*].arn)
}

output "launch_template_latest_version" {
  description = "Newest version of the launch template, where one is made."
  value       = one(aws_launch_template.this[*].latest_version)
}

output "launch_template_name" {
  description = "Name of the launch template, where one is made."
  value       = one(aws_launch_template.this[*].name)
}

output "node_group_arn" {
  description = "ARN of the node group."
  value       = one(aws_eks_node_group.this[*].arn)
}

output "node_group_id" {
  description = "The node group as <cluster>:<name>."
  value       = one(aws_eks_node_group.this[*].id)
}

output "node_group_resources" {
  description = "What EKS has made for the node group: its Auto Scaling groups, and the security group of its SSH."
  value       = one(aws_eks_node_group.this[*].resources)
}

output "node_group_autoscaling_group_names" {
  description = "Names of the Auto Scaling groups that EKS has made for it."
  value       = [for group in local.auto_scaling_groups : group.name]
}

output "node_group_status" {
  description = "Status of the node group: ACTIVE, UPDATING, DEGRADED …"
  value       = one(aws_eks_node_group.this[*].status)
}

output "node_group_labels" {
  description = "Kubernetes labels of the nodes."
  value       = merge(aws_eks_node_group.this[*].labels...)
}

output "node_group_taints" {
  description = "Kubernetes taints of the nodes: key, value and effect."
  value       = var.create ? aws_eks_node_group.this[0].taint : []
}

output "autoscaling_group_schedule_arns" {
  description = "ARNs of the schedules, by their names."
  value       = { for name, schedule in aws_autoscaling_schedule.this : name => schedule.arn }
}

output "iam_role_name" {
  description = "Name of the nodes' IAM role, where one is made."
  value       = one(aws_iam_role.this[*].name)
}

output "iam_role_arn" {
  description = "ARN of the nodes' IAM role, given or made."
  value       = local.node_role_arn
}

output "iam_role_unique_id" {
  description = "IAM's own id of the role, where one is made."
  value       = one(aws_iam_role.this[*].unique_id)
}

output "platform" {
  description = "What the nodes' image takes as user data: linux, al2023, bottlerocket or windows."
  value       = local.platform
}
