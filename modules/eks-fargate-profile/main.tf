# An EKS Fargate profile, with a pod execution role when none is given.

locals {
  tags = merge(var.tags, var.owner_tags)

  # Role names are unique in an account. No part can hold a dot, so no two profiles share a name.
  role_name_full = "${var.cluster_name}.${var.profile_name}.${var.region}.fargate"
  role_name = (
    length(local.role_name_full) <= 64
    ? local.role_name_full
    : "${substr(local.role_name_full, 0, 55)}-${substr(sha256(local.role_name_full), 0, 8)}"
  )
}

# Known from the region; costs no call.
data "aws_partition" "current" {}

resource "aws_iam_role" "pods" {
  count = var.pod_execution_role_arn == null ? 1 : 0

  name        = local.role_name
  description = "Pods of the EKS Fargate profile ${var.cluster_name}:${var.profile_name}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "eks-fargate-pods.${data.aws_partition.current.dns_suffix}" }
      Action    = "sts:AssumeRole"
    }]
  })
  # A policy that somebody attached by hand does not keep the role alive after its profile.
  force_detach_policies = true
  tags                  = local.tags
}

resource "aws_iam_role_policy_attachment" "pods" {
  count = var.pod_execution_role_arn == null ? 1 : 0

  role       = aws_iam_role.pods[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonEKSFargatePodExecutionRolePolicy"
}

resource "aws_eks_fargate_profile" "this" {
  cluster_name           = var.cluster_name
  fargate_profile_name   = var.profile_name
  pod_execution_role_arn = var.pod_execution_role_arn == null ? aws_iam_role.pods[0].arn : var.pod_execution_role_arn
  subnet_ids             = var.subnet_ids
  tags                   = local.tags

  dynamic "selector" {
    for_each = var.selectors

    content {
      namespace = selector.value.namespace
      labels    = selector.value.labels
    }
  }

  # Pods need the policy to start.
  depends_on = [aws_iam_role_policy_attachment.pods]
}
