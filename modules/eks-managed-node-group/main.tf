# Stands in for terraform-aws-modules/eks/aws//modules/eks-managed-node-group 20.37.2, where that cannot be reached: the same
# inputs, outputs and addresses of resources, written anew. What it does not have, or would not act on, is refused; only facts
# of the cluster may be said where nothing needs them.
#
# Two things differ on purpose:
# - A change of desired_size is applied. What a schedule or an autoscaler has set lasts until the next apply.
# - A node group goes before the one that replaces it comes: two of one name cannot stand side by side.

locals {
  named_tags   = merge(var.tags, { Name = var.name })
  prefix       = var.use_name_prefix ? "${var.name}-" : null
  is_own_image = var.ami_id != ""
  timeouts     = merge({ create = null, update = null, delete = null }, var.timeouts)

  # An instance type of a capacity block stands in the launch template.
  is_block = var.capacity_type == "CAPACITY_BLOCK"

  auto_scaling_groups = flatten([for made in flatten(aws_eks_node_group.this[*].resources) : made.autoscaling_groups])
}

# Known from the region; costs no call.
data "aws_partition" "current" {}

locals {
  # Where AWS says which release of an image is the newest. Those of Windows say it otherwise.
  eks_release          = "/aws/service/eks/optimized-ami/${coalesce(var.cluster_version, "unknown")}"
  bottlerocket_release = "/aws/service/bottlerocket/aws-k8s-${coalesce(var.cluster_version, "unknown")}"
  releases = {
    AL2_x86_64                 = "${local.eks_release}/amazon-linux-2/recommended/release_version"
    AL2_x86_64_GPU             = "${local.eks_release}/amazon-linux-2-gpu/recommended/release_version"
    AL2_ARM_64                 = "${local.eks_release}/amazon-linux-2-arm64/recommended/release_version"
    AL2023_x86_64_STANDARD     = "${local.eks_release}/amazon-linux-2023/x86_64/standard/recommended/release_version"
    AL2023_ARM_64_STANDARD     = "${local.eks_release}/amazon-linux-2023/arm64/standard/recommended/release_version"
    AL2023_x86_64_NEURON       = "${local.eks_release}/amazon-linux-2023/x86_64/neuron/recommended/release_version"
    AL2023_x86_64_NVIDIA       = "${local.eks_release}/amazon-linux-2023/x86_64/nvidia/recommended/release_version"
    AL2023_ARM_64_NVIDIA       = "${local.eks_release}/amazon-linux-2023/arm64/nvidia/recommended/release_version"
    BOTTLEROCKET_x86_64        = "${local.bottlerocket_release}/x86_64/latest/image_version"
    BOTTLEROCKET_ARM_64        = "${local.bottlerocket_release}/arm64/latest/image_version"
    BOTTLEROCKET_x86_64_FIPS   = "${local.bottlerocket_release}-fips/x86_64/latest/image_version"
    BOTTLEROCKET_ARM_64_FIPS   = "${local.bottlerocket_release}-fips/arm64/latest/image_version"
    BOTTLEROCKET_x86_64_NVIDIA = "${local.bottlerocket_release}-nvidia/x86_64/latest/image_version"
    BOTTLEROCKET_ARM_64_NVIDIA = "${local.bottlerocket_release}-nvidia/arm64/latest/image_version"
  }
}

data "aws_ssm_parameter" "release" {
  count = var.create && var.use_latest_ami_release_version ? 1 : 0

  name = lookup(local.releases, coalesce(var.ami_type, "none"), "/none")

  lifecycle {
    precondition {
      condition     = var.cluster_version != null && contains(keys(local.releases), coalesce(var.ami_type, "none"))
      error_message = "use_latest_ami_release_version needs cluster_version, and an ami_type of Amazon Linux or Bottlerocket; or say ami_release_version."
    }

    precondition {
      condition     = !local.is_own_image && var.ami_release_version == null
      error_message = "use_latest_ami_release_version goes with neither ami_id nor ami_release_version; leave it out, or them."
    }
  }
}

resource "aws_eks_node_group" "this" {
  count = var.create ? 1 : 0

  cluster_name           = var.cluster_name
  node_group_name_prefix = local.prefix
  node_group_name        = local.prefix == null ? var.name : null
  node_role_arn          = local.node_role_arn
  subnet_ids             = var.subnet_ids
  capacity_type          = var.capacity_type
  instance_types         = local.is_block ? null : var.instance_types
  disk_size              = var.disk_size
  labels                 = var.labels
  tags                   = local.named_tags

  # An image of one's own says what it is.
  ami_type             = local.is_own_image ? null : var.ami_type
  version              = local.is_own_image ? null : var.cluster_version
  release_version      = try(nonsensitive(data.aws_ssm_parameter.release[0].value), var.ami_release_version)
  force_update_version = var.force_update_version

  scaling_config {
    min_size     = var.min_size
    max_size     = var.max_size
    desired_size = var.desired_size
  }

  dynamic "launch_template" {
    for_each = var.use_custom_launch_template ? [local.launch_template] : []

    content {
      id      = launch_template.value.id
      version = launch_template.value.version
    }
  }

  dynamic "remote_access" {
    for_each = [for access in [var.remote_access] : access if length(access) > 0]

    content {
      ec2_ssh_key               = lookup(remote_access.value, "ec2_ssh_key", null)
      source_security_group_ids = lookup(remote_access.value, "source_security_group_ids", null)
    }
  }

  dynamic "taint" {
    for_each = [for taint in var.taints : merge({ value = null }, taint)]

    content {
      key    = taint.value.key
      value  = taint.value.value
      effect = taint.value.effect
    }
  }

  dynamic "update_config" {
    for_each = [for limits in [var.update_config] : limits if length(limits) > 0]

    content {
      max_unavailable            = lookup(update_config.value, "max_unavailable", null)
      max_unavailable_percentage = lookup(update_config.value, "max_unavailable_percentage", null)
    }
  }

  dynamic "node_repair_config" {
    for_each = var.node_repair_config[*]

    content {
      enabled = node_repair_config.value.enabled
    }
  }

  timeouts {
    create = local.timeouts.create
    update = local.timeouts.update
    delete = local.timeouts.delete
  }

  lifecycle {
    precondition {
      condition     = can(regex("^[0-9A-Za-z][0-9A-Za-z_-]*$", var.name)) && length(var.name) <= (var.use_name_prefix ? 36 : 63)
      error_message = "name has 1 to ${var.use_name_prefix ? 36 : 63} letters, digits, '-' or '_', and begins with a letter or digit. With use_name_prefix 27 characters follow it."
    }

    precondition {
      condition     = var.cluster_name != null && try(length(var.subnet_ids) > 0, false)
      error_message = "cluster_name and subnet_ids are required."
    }

    precondition {
      condition     = var.min_size <= var.desired_size && var.desired_size <= var.max_size
      error_message = "desired_size (${var.desired_size}) lies from min_size (${var.min_size}) to max_size (${var.max_size})."
    }

    precondition {
      condition     = !local.is_own_image || var.ami_release_version == null
      error_message = "ami_release_version does not go with ami_id, which is one image; leave one of them out."
    }

    precondition {
      condition     = !local.is_block || (local.makes_template ? try(length(var.instance_types) == 1, false) : try(length(var.instance_types) == 0, true))
      error_message = "capacity_type CAPACITY_BLOCK takes one entry of instance_types, which goes into the launch template; with a launch template that exists, the type stands there and instance_types is left out."
    }

    precondition {
      condition     = !var.use_custom_launch_template || (var.disk_size == null && length(var.remote_access) == 0)
      error_message = "disk_size and remote_access do not go with a launch template; say block_device_mappings and key_name, or use_custom_launch_template = false."
    }

    precondition {
      condition     = length(local.unused_template_inputs) == 0
      error_message = "No launch template is made, and these would have no effect: ${join(", ", local.unused_template_inputs)}; leave them out, or leave create_launch_template and use_custom_launch_template true."
    }

    precondition {
      condition     = var.use_custom_launch_template || (var.launch_template_version == null && !local.is_own_image)
      error_message = "ami_id and launch_template_version have no effect with use_custom_launch_template = false; leave them out."
    }

    precondition {
      condition     = var.launch_template_id == "" || (var.use_custom_launch_template && !var.create_launch_template)
      error_message = "launch_template_id has no effect but with use_custom_launch_template = true and create_launch_template = false; say so, or leave it out."
    }

    precondition {
      condition     = (var.iam_role_arn != null) == !var.create_iam_role
      error_message = "iam_role_arn is for create_iam_role = false, and is required there."
    }

    precondition {
      condition     = length(local.unused_role_inputs) == 0
      error_message = "No role is made, and these would have no effect: ${join(", ", local.unused_role_inputs)}; leave them out, or leave create_iam_role true."
    }
  }

  # Nodes need the policies to join, and to leave.
  depends_on = [
    aws_iam_role_policy_attachment.this,
    aws_iam_role_policy_attachment.additional,
    aws_iam_role_policy.this,
  ]
}

resource "aws_autoscaling_schedule" "this" {
  for_each = var.create && var.create_schedule ? var.schedules : {}

  autoscaling_group_name = local.auto_scaling_groups[0].name
  scheduled_action_name  = each.key

  # -1 leaves a size as it is.
  min_size         = coalesce(lookup(each.value, "min_size", null), -1)
  max_size         = coalesce(lookup(each.value, "max_size", null), -1)
  desired_capacity = coalesce(lookup(each.value, "desired_size", null), -1)
  recurrence       = lookup(each.value, "recurrence", null)
  start_time       = lookup(each.value, "start_time", null)
  end_time         = lookup(each.value, "end_time", null)
  time_zone        = lookup(each.value, "time_zone", null)
}
