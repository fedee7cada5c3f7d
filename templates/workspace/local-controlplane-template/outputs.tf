output "cluster_name" {
  description = "Name of the cluster, once it exists."
  value       = module.controlplane.cluster_name
}

output "endpoint" {
  description = "URL of the API server."
  value       = module.controlplane.endpoint
}

output "certificate_authority" {
  description = "Certificate of the API server's authority, base64."
  value       = module.controlplane.certificate_authority
}

output "cluster_security_group_id" {
  description = "Security group of the control plane and of what talks to it."
  value       = module.controlplane.cluster_security_group_id
}

output "oidc_issuer" {
  description = "URL of the cluster's OIDC issuer."
  value       = module.controlplane.oidc_issuer
}

output "oidc_provider_arn" {
  description = "ARN of the IAM OIDC provider, for roles of service accounts."
  value       = module.controlplane.oidc_provider_arn
}

output "version" {
  description = "Kubernetes version that is in force."
  value       = module.controlplane.version
}

output "status" {
  description = "Status of the cluster as observed: ACTIVE, UPDATING …"
  value       = module.controlplane.status
}

output "kubeconfig" {
  description = "kubeconfig that signs in with the AWS CLI."
  value       = module.controlplane.kubeconfig
  sensitive   = true
}
