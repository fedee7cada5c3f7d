output "fargate_profile_arn" {
  description = "ARN of the profile."
  value       = module.profile.fargate_profile_arn
}

output "pod_execution_role_arn" {
  description = "ARN of the IAM role of its pods, given or made."
  value       = module.profile.pod_execution_role_arn
}

output "status" {
  description = "Status of the profile as observed: ACTIVE …"
  value       = module.profile.status
}
