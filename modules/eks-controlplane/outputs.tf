output "cluster_name" {
  description = "Name of the cluster, once it exists."
  value       = aws_eks_cluster.this.name
}

output "endpoint" {
  description = "URL of the API server."
  value       = aws_eks_cluster.this.endpoint
}

output "certificate_authority" {
  description = "Certificate of the API server's authority, base64."
  value       = aws_eks_cluster.this.certificate_authority[0].data
}

output "cluster_security_group_id" {
  description = "Security group of the control plane and of what talks to it."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}

output "oidc_issuer" {
  description = "URL of the cluster's OIDC issuer."
  value       = aws_eks_cluster.this.identity[0].oidc[0].issuer
}

output "oidc_provider_arn" {
  description = "ARN of the IAM OIDC provider, for roles of service accounts."
  value       = aws_iam_openid_connect_provider.this.arn
}

output "version" {
  description = "Kubernetes version that is in force."
  value       = aws_eks_cluster.this.version
}

output "status" {
  description = "Status of the cluster as observed: ACTIVE, UPDATING …"
  value       = aws_eks_cluster.this.status
}

output "kubeconfig" {
  description = "kubeconfig that signs in with the AWS CLI."
  value = yamlencode({
    apiVersion      = "v1"
    kind            = "Config"
    current-context = aws_eks_cluster.this.name
    clusters        = [{ name = aws_eks_cluster.this.name, cluster = { server = aws_eks_cluster.this.endpoint, certificate-authority-data = aws_eks_cluster.this.certificate_authority[0].data } }]
    contexts        = [{ name = aws_eks_cluster.this.name, context = { cluster = aws_eks_cluster.this.name, user = aws_eks_cluster.this.name } }]
    users = [{
      name = aws_eks_cluster.this.name
      user = {
        exec = {
          apiVersion = "client.authentication.k8s.io/v1beta1"
          command    = "aws"
          args       = ["eks", "get-token", "--cluster-name", aws_eks_cluster.this.name, "--region", var.region]
        }
      }
    }]
  })
  sensitive = true
}
