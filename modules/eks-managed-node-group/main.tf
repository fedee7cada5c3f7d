# Stands in for the module terraform-aws-modules/eks/aws//modules/eks-managed-node-group, where that cannot be reached: the
# same inputs and outputs, written anew. Unlike there, a change of desired_size is applied. What it does not have is refused.

data "aws_partition" "current" {}

locals {
  makes_template = var.create && var.create_launch_template && var.use_custom_launch_template
  makes_role     = var.create && var.create_iam_role

  template_name = coalesce(var.launch_template_name, "${var.name}-eks-node-group")
  role_name     = coalesce(var.iam_role_name, "${var.name}-eks-node-group")

  security_groups = compact(concat([var.cluster_primary_security_group_id], var.vpc_security_group_ids))

  node_policies = merge(
    {
      AmazonEC2ContainerRegistryReadOnly = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
      AmazonEKSWorkerNodePolicy          = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonEKSWorkerNodePolicy"
    },
    var.iam_role_attach_cni_policy ? {
      AmazonEKS_CNI_Policy = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonEKS_CNI_Policy"
    } : {},
    var.iam_role_additional_policies,
  )
}

resource "aws_launch_template" "this" {
  count = local.makes_template ? 1 : 0

  name        = var.launch_template_use_name_prefix ? null : local.template_name
  name_prefix = var.launch_template_use_name_prefix ? "${local.template_name}-" : null
  description = coalesce(var.launch_template_description, "Nodes of the EKS node group ${var.name}")

  image_id                = var.ami_id == "" ? null : var.ami_id
  key_name                = var.key_name
  ebs_optimized           = var.ebs_optimized
  disable_api_termination = var.disable_api_termination
  update_default_version  = var.update_launch_template_default_version
  vpc_security_group_ids  = local.security_groups
  tags                    = var.tags

  dynamic "block_device_mappings" {
    for_each = var.block_device_mappings

    content {
      device_name  = try(block_device_mappings.value.device_name, null)
      no_device    = try(block_device_mappings.value.no_device, null)
      virtual_name = try(block_device_mappings.value.virtual_name, null)

      dynamic "ebs" {
        for_each = try([block_device_mappings.value.ebs], [])

        content {
          delete_on_termination = try(ebs.value.delete_on_termination, null)
          encrypted             = try(ebs.value.encrypted, null)
          iops                  = try(ebs.value.iops, null)
          kms_key_id            = try(ebs.value.kms_key_id, null)
          snapshot_id           = try(ebs.value.snapshot_id, null)
          throughput            = try(ebs.value.throughput, null)
          volume_size           = try(ebs.value.volume_size, null)
          volume_type           = try(ebs.value.volume_type, null)
        }
      }
    }
  }

  dynamic "metadata_options" {
    for_each = length(var.metadata_options) == 0 ? [] : [var.metadata_options]

    content {
      http_endpoint               = try(metadata_options.value.http_endpoint, null)
      http_protocol_ipv6          = try(metadata_options.value.http_protocol_ipv6, null)
      http_put_response_hop_limit = try(metadata_options.value.http_put_response_hop_limit, null)
      http_tokens                 = try(metadata_options.value.http_tokens, null)
      instance_metadata_tags      = try(metadata_options.value.instance_metadata_tags, null)
    }
  }

  dynamic "monitoring" {
    for_each = var.enable_monitoring ? [true] : []

    content {
      enabled = monitoring.value
    }
  }

  dynamic "tag_specifications" {
    for_each = toset(var.tag_specifications)

    content {
      resource_type = tag_specifications.key
      tags          = merge(var.tags, { Name = var.name }, var.launch_template_tags)
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_eks_node_group" "this" {
  count = var.create ? 1 : 0

  cluster_name           = var.cluster_name
  node_group_name        = var.use_name_prefix ? null : var.name
  node_group_name_prefix = var.use_name_prefix ? "${var.name}-" : null
  node_role_arn          = local.makes_role ? aws_iam_role.this[0].arn : var.iam_role_arn
  subnet_ids             = var.subnet_ids

  # An image of one's own says both.
  ami_type        = var.ami_id == "" ? var.ami_type : null
  version         = var.ami_id == "" ? var.cluster_version : null
  release_version = var.ami_id == "" ? var.ami_release_version : null

  capacity_type        = var.capacity_type
  disk_size            = var.disk_size
  force_update_version = var.force_update_version
  instance_types       = var.instance_types
  labels               = var.labels
  tags                 = merge(var.tags, { Name = var.name })

  scaling_config {
    min_size     = var.min_size
    max_size     = var.max_size
    desired_size = var.desired_size
  }

  dynamic "launch_template" {
    for_each = var.use_custom_launch_template ? [true] : []

    content {
      id      = local.makes_template ? aws_launch_template.this[0].id : var.launch_template_id
      version = coalesce(var.launch_template_version, try(aws_launch_template.this[0].latest_version, "$Default"))
    }
  }

  dynamic "remote_access" {
    for_each = length(var.remote_access) == 0 ? [] : [var.remote_access]

    content {
      ec2_ssh_key               = try(remote_access.value.ec2_ssh_key, null)
      source_security_group_ids = try(remote_access.value.source_security_group_ids, [])
    }
  }

  dynamic "taint" {
    for_each = var.taints

    content {
      key    = taint.value.key
      value  = try(taint.value.value, null)
      effect = taint.value.effect
    }
  }

  dynamic "update_config" {
    for_each = length(var.update_config) == 0 ? [] : [var.update_config]

    content {
      max_unavailable            = try(update_config.value.max_unavailable, null)
      max_unavailable_percentage = try(update_config.value.max_unavailable_percentage, null)
    }
  }

  dynamic "node_repair_config" {
    for_each = var.node_repair_config[*]

    content {
      enabled = node_repair_config.value.enabled
    }
  }

  timeouts {
    create = try(var.timeouts.create, null)
    update = try(var.timeouts.update, null)
    delete = try(var.timeouts.delete, null)
  }

  # A group with a name of its own cannot be made beside the one that it replaces.
  lifecycle {
    precondition {
      condition     = !var.use_custom_launch_template || (var.disk_size == null && length(var.remote_access) == 0)
      error_message = "disk_size and remote_access do not go with a launch template; say block_device_mappings and key_name, or use_custom_launch_template = false."
    }

    precondition {
      condition     = local.makes_role || var.iam_role_arn != null
      error_message = "iam_role_arn is required where no role is made."
    }
  }

  # Nodes need the policies to join, and to leave.
  depends_on = [aws_iam_role_policy_attachment.this]
}

resource "aws_iam_role" "this" {
  count = local.makes_role ? 1 : 0

  name                 = var.iam_role_use_name_prefix ? null : local.role_name
  name_prefix          = var.iam_role_use_name_prefix ? "${substr(local.role_name, 0, 37)}-" : null
  path                 = var.iam_role_path
  description          = coalesce(var.iam_role_description, "Nodes of the EKS node group ${var.name}")
  permissions_boundary = var.iam_role_permissions_boundary
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.${data.aws_partition.current.dns_suffix}" }
      Action    = "sts:AssumeRole"
    }]
  })
  force_detach_policies = true
  tags                  = merge(var.tags, var.iam_role_tags)
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = { for name, arn in local.node_policies : name => arn if local.makes_role }

  role       = aws_iam_role.this[0].name
  policy_arn = each.value
}
