# An EKS cluster with its role, access entries, add-ons and the OIDC provider for roles of service accounts.

locals {
  tags = merge(var.tags, var.owner_tags)

  # Role names are unique in an account. No part can hold a dot, so no two clusters share a name.
  role_name_full = "${var.cluster_name}.${var.region}.cluster"
  role_name = (
    length(local.role_name_full) <= 64
    ? local.role_name_full
    : "${substr(local.role_name_full, 0, 55)}-${substr(sha256(local.role_name_full), 0, 8)}"
  )

  # One association for each entry and policy.
  associations = merge([for name, entry in var.access_entries : {
    for policy, association in entry.policies : "${name}/${policy}" => merge(association, { entry = name })
  }]...)
}

# Known from the region; costs no call.
data "aws_partition" "current" {}

resource "aws_iam_role" "cluster" {
  name        = local.role_name
  description = "Control plane of the EKS cluster ${var.cluster_name}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "eks.${data.aws_partition.current.dns_suffix}" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
    }]
  })
  # A policy that somebody attached by hand does not keep the role alive after its cluster.
  force_detach_policies = true
  tags                  = local.tags
}

resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.cluster.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonEKSClusterPolicy"
}

resource "aws_eks_cluster" "this" {
  name                      = var.cluster_name
  role_arn                  = aws_iam_role.cluster.arn
  version                   = var.kubernetes_version
  enabled_cluster_log_types = var.log_types
  tags                      = local.tags

  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = var.create_creator_admin
  }

  vpc_config {
    subnet_ids              = var.subnet_ids
    endpoint_private_access = var.endpoint_private_access
    endpoint_public_access  = var.endpoint_public_access
    public_access_cidrs     = var.public_access_cidrs
  }

  dynamic "encryption_config" {
    for_each = var.kms_key_arn[*]

    content {
      resources = ["secrets"]

      provider {
        key_arn = encryption_config.value
      }
    }
  }

  # The control plane needs the policy to make its network interfaces, and to take them away.
  depends_on = [aws_iam_role_policy_attachment.cluster]
}

resource "aws_eks_access_entry" "this" {
  for_each = var.access_entries

  cluster_name      = aws_eks_cluster.this.name
  principal_arn     = each.value.principal_arn
  type              = each.value.type
  kubernetes_groups = each.value.type == "STANDARD" ? each.value.kubernetes_groups : null
  tags              = local.tags
}

resource "aws_eks_access_policy_association" "this" {
  for_each = local.associations

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = aws_eks_access_entry.this[each.value.entry].principal_arn
  policy_arn    = each.value.policy_arn

  access_scope {
    type       = length(each.value.namespaces) == 0 ? "cluster" : "namespace"
    namespaces = each.value.namespaces
  }
}

resource "aws_eks_addon" "this" {
  for_each = var.addons

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = each.value.version
  configuration_values        = each.value.configuration
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
  tags                        = local.tags
}

# IAM trusts the authority of EKS by itself: no thumbprint is needed.
resource "aws_iam_openid_connect_provider" "this" {
  url            = aws_eks_cluster.this.identity[0].oidc[0].issuer
  client_id_list = ["sts.${data.aws_partition.current.dns_suffix}"]
  tags           = local.tags
}
