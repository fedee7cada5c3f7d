output "launch_template_id" {
  description = "Id of the launch template, where one is made."
  value       = try(aws_launch_template.this[0].id, null)
}

output "launch_template_arn" {
  description = "ARN of the launch template, where one is made."
  value       = try(aws_launch_template.this[0].arn, null)
}

output "launch_template_latest_version" {
  description = "Newest version of the launch template, where one is made."
  value       = try(aws_launch_template.this[0].latest_version, null)
}

output "launch_template_name" {
  description = "Name of the launch template, where one is made."
  value       = try(aws_launch_template.this[0].name, null)
}

output "node_group_arn" {
  description = "ARN of the node group."
  value       = try(aws_eks_node_group.this[0].arn, null)
}

output "node_group_id" {
  description = "The node group as <cluster>:<name>."
  value       = try(aws_eks_node_group.this[0].id, null)
}

output "node_group_resources" {
  description = "What EKS has made for the node group."
  value       = try(aws_eks_node_group.this[0].resources, null)
}

output "node_group_autoscaling_group_names" {
  description = "Names of its Auto Scaling groups."
  value       = flatten(aws_eks_node_group.this[*].resources[*].autoscaling_groups[*].name)
}

output "node_group_status" {
  description = "Status of the node group: ACTIVE, UPDATING, DEGRADED …"
  value       = try(aws_eks_node_group.this[0].status, null)
}

output "node_group_labels" {
  description = "Kubernetes labels of the nodes."
  value       = try(aws_eks_node_group.this[0].labels, {})
}

output "node_group_taints" {
  description = "Kubernetes taints of the nodes."
  value       = try(aws_eks_node_group.this[0].taint, [])
}

output "autoscaling_group_schedule_arns" {
  description = "Empty: the stand-in has no schedules."
  value       = {}
}

output "iam_role_name" {
  description = "Name of the node role, where one is made."
  value       = try(aws_iam_role.this[0].name, null)
}

output "iam_role_arn" {
  description = "ARN of the node role, given or made."
  value       = try(aws_iam_role.this[0].arn, var.iam_role_arn)
}

output "iam_role_unique_id" {
  description = "Id of the node role, where one is made."
  value       = try(aws_iam_role.this[0].unique_id, null)
}

output "platform" {
  description = "linux: the stand-in has no other."
  value       = var.platform
}
