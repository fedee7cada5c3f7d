output "cluster_name" {
  description = "Name of the cluster, once it exists."
  value       = terraform_data.cluster.triggers_replace.cluster_name
}

output "endpoint" {
  description = "URL of the API server."
  value       = "https://${local.id}.local.invalid"
}

output "certificate_authority" {
  description = "Certificate of the API server's authority, base64."
  value       = base64encode("local ${local.id}")
}

output "cluster_security_group_id" {
  description = "Security group of the control plane and of what talks to it."
  value       = "sg-${lower(substr(local.id, 0, 17))}"
}

output "oidc_issuer" {
  description = "URL of the cluster's OIDC issuer."
  value       = "https://oidc.local.invalid/id/${local.id}"
}

output "oidc_provider_arn" {
  description = "ARN of the IAM OIDC provider, for roles of service accounts."
  value       = "arn:aws:iam::000000000000:oidc-provider/oidc.local.invalid/id/${local.id}"
}

output "version" {
  description = "Kubernetes version that is in force."
  value       = terraform_data.cluster.output.version
}

output "status" {
  description = "Status of the cluster as observed: ACTIVE, UPDATING …"
  value       = terraform_data.cluster.output.status
}

output "kubeconfig" {
  description = "kubeconfig that signs in with the AWS CLI."
  value = yamlencode({
    apiVersion      = "v1"
    kind            = "Config"
    current-context = terraform_data.cluster.triggers_replace.cluster_name
    clusters        = [{ name = terraform_data.cluster.triggers_replace.cluster_name, cluster = { server = "https://${local.id}.local.invalid", certificate-authority-data = base64encode("local ${local.id}") } }]
    contexts        = [{ name = terraform_data.cluster.triggers_replace.cluster_name, context = { cluster = terraform_data.cluster.triggers_replace.cluster_name, user = terraform_data.cluster.triggers_replace.cluster_name } }]
    users = [{
      name = terraform_data.cluster.triggers_replace.cluster_name
      user = {
        exec = {
          apiVersion = "client.authentication.k8s.io/v1beta1"
          command    = "aws"
          args       = ["eks", "get-token", "--cluster-name", terraform_data.cluster.triggers_replace.cluster_name, "--region", var.region]
        }
      }
    }]
  })
  sensitive = true
}
