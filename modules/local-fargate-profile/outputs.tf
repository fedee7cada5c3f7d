output "fargate_profile_arn" {
  description = "ARN of the profile."
  value       = "arn:aws:eks:${terraform_data.profile.triggers_replace.region}:000000000000:fargateprofile/${terraform_data.profile.triggers_replace.cluster_name}/${terraform_data.profile.triggers_replace.profile_name}/local"
}

output "pod_execution_role_arn" {
  description = "ARN of the IAM role of its pods, given or made."
  value       = coalesce(var.pod_execution_role_arn, "arn:aws:iam::000000000000:role/${terraform_data.profile.triggers_replace.cluster_name}.${terraform_data.profile.triggers_replace.profile_name}.fargate")
}

output "status" {
  description = "Status of the profile as observed: ACTIVE …"
  value       = terraform_data.profile.output.status
}
