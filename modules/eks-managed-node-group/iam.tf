# The role of the nodes, where none is given.

locals {
  makes_role    = var.create && var.create_iam_role
  node_role_arn = local.makes_role ? aws_iam_role.this[0].arn : var.iam_role_arn

  # A name has at most 64 characters, of which 26 are Terraform's where it follows a prefix. One that is ours is shortened
  # to fit, and stays another's than that of any other node group; one that is said is not.
  role_name_length_max = var.iam_role_use_name_prefix ? 37 : 64
  role_name_full       = "${var.name}-eks-node-group"
  role_name_own = (
    length(local.role_name_full) <= local.role_name_length_max
    ? local.role_name_full
    : "${substr(local.role_name_full, 0, local.role_name_length_max - 9)}-${substr(sha256(local.role_name_full), 0, 8)}"
  )
  role_name   = coalesce(var.iam_role_name, local.role_name_own)
  role_prefix = var.iam_role_use_name_prefix ? "${local.role_name}-" : null

  aws_policies = "arn:${data.aws_partition.current.partition}:iam::aws:policy"
  # That for IPv6 is none of AWS's: each account makes its own.
  account_policies = "arn:${data.aws_partition.current.partition}:iam::${join("", data.aws_caller_identity.current[*].account_id)}:policy"
  cni_policies = {
    ipv4 = { AmazonEKS_CNI_Policy = "${local.aws_policies}/AmazonEKS_CNI_Policy" }
    ipv6 = { AmazonEKS_CNI_IPv6_Policy = "${local.account_policies}/AmazonEKS_CNI_IPv6_Policy" }
  }
  node_policies = merge(
    { for name in ["AmazonEC2ContainerRegistryReadOnly", "AmazonEKSWorkerNodePolicy"] : name => "${local.aws_policies}/${name}" },
    [for family, policy in local.cni_policies : policy if var.iam_role_attach_cni_policy && family == var.cluster_ip_family]...
  )

  # Inputs that ask something of a role: they need one that is made here.
  role_inputs = {
    iam_role_additional_policies  = length(var.iam_role_additional_policies) > 0
    iam_role_description          = var.iam_role_description != null
    iam_role_name                 = var.iam_role_name != null
    iam_role_path                 = var.iam_role_path != null
    iam_role_permissions_boundary = var.iam_role_permissions_boundary != null
    iam_role_policy_statements    = length(var.iam_role_policy_statements) > 0
    iam_role_tags                 = length(var.iam_role_tags) > 0
  }
  unused_role_inputs = [for name, is_set in local.role_inputs : name if is_set && !var.create_iam_role]
}

data "aws_caller_identity" "current" {
  count = local.makes_role && var.cluster_ip_family == "ipv6" ? 1 : 0
}

resource "aws_iam_role" "this" {
  count = local.makes_role ? 1 : 0

  name_prefix          = local.role_prefix
  name                 = local.role_prefix == null ? local.role_name : null
  path                 = var.iam_role_path
  description          = var.iam_role_description
  permissions_boundary = var.iam_role_permissions_boundary
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.${data.aws_partition.current.dns_suffix}" }
      Action    = "sts:AssumeRole"
    }]
  })
  # A policy that somebody attached by hand does not keep the role alive after its node group.
  force_detach_policies = true
  tags                  = merge(var.tags, var.iam_role_tags)

  lifecycle {
    precondition {
      condition     = length(local.role_name) <= local.role_name_length_max
      error_message = "iam_role_name has at most 64 characters, and 37 with iam_role_use_name_prefix, as 27 more follow."
    }
  }
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = { for name, arn in local.node_policies : name => arn if local.makes_role }

  policy_arn = each.value
  role       = one(aws_iam_role.this[*].name)
}

resource "aws_iam_role_policy_attachment" "additional" {
  for_each = { for name, arn in var.iam_role_additional_policies : name => arn if local.makes_role }

  policy_arn = each.value
  role       = one(aws_iam_role.this[*].name)
}

locals {
  makes_statements = local.makes_role && var.create_iam_role_policy && length(var.iam_role_policy_statements) > 0
}

data "aws_iam_policy_document" "statements" {
  count = local.makes_statements ? 1 : 0

  dynamic "statement" {
    for_each = [for statement in var.iam_role_policy_statements : merge({ conditions = [] }, statement)]
    iterator = it

    content {
      sid           = lookup(it.value, "sid", null)
      effect        = lookup(it.value, "effect", null)
      actions       = lookup(it.value, "actions", null)
      not_actions   = lookup(it.value, "not_actions", null)
      resources     = lookup(it.value, "resources", null)
      not_resources = lookup(it.value, "not_resources", null)

      dynamic "condition" {
        for_each = it.value.conditions

        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}

resource "aws_iam_role_policy" "this" {
  count = local.makes_statements ? 1 : 0

  name_prefix = local.role_prefix
  name        = local.role_prefix == null ? local.role_name : null
  role        = one(aws_iam_role.this[*].id)
  policy      = one(data.aws_iam_policy_document.statements[*].json)
}
