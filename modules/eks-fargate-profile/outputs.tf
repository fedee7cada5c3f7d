output "fargate_profile_arn" {
  description = "ARN of the profile."
  value       = aws_eks_fargate_profile.this.arn
}

output "pod_execution_role_arn" {
  description = "ARN of the IAM role of its pods, given or made."
  value       = aws_eks_fargate_profile.this.pod_execution_role_arn
}

output "status" {
  description = "Status of the profile as observed: ACTIVE …"
  value       = aws_eks_fargate_profile.this.status
}
