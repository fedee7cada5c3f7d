# An EKS managed node group whose desired size follows its declaration, with a node role when none is given.

locals {
  tags = merge(var.tags, var.owner_tags)

  # Role names are unique in an account. No part can hold a dot, so no two node groups share a name.
  role_name_full = "${var.cluster_name}.${var.node_group_name}.${var.region}.node"
  role_name = (
    length(local.role_name_full) <= 64
    ? local.role_name_full
    : "${substr(local.role_name_full, 0, 55)}-${substr(sha256(local.role_name_full), 0, 8)}"
  )
  role_policies = var.node_role_arn == null ? toset([
    "AmazonEC2ContainerRegistryReadOnly",
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
  ]) : toset([])
}

# What an autoscaler did to the desired size stays, as far as the bounds let it: one call of EKS then carries bounds and
# size that go together. `ignore_changes` could not: it holds always or never.
data "aws_eks_node_groups" "present" {
  count = var.scaling_owner == "autoscaler" && !var.captd_destroying ? 1 : 0

  cluster_name = var.cluster_name
}

data "aws_eks_node_group" "present" {
  # Said again: `terraform import` reads no data source, and must know the count all the same.
  count = (
    var.scaling_owner == "autoscaler" && !var.captd_destroying
    ? (contains(flatten([for groups in data.aws_eks_node_groups.present : tolist(groups.names)]), var.node_group_name) ? 1 : 0)
    : 0
  )

  cluster_name    = var.cluster_name
  node_group_name = var.node_group_name
}

locals {
  present_size = one(data.aws_eks_node_group.present[*].scaling_config[0].desired_size)
  wanted_size  = coalesce(local.present_size, var.desired_size)
  desired_size = (
    var.scaling_owner == "autoscaler"
    ? max(var.min_size, min(var.max_size, local.wanted_size))
    : var.desired_size
  )
}

# Known from the region; costs no call.
data "aws_partition" "current" {}

resource "aws_iam_role" "node" {
  count = var.node_role_arn == null ? 1 : 0

  name        = local.role_name
  description = "Nodes of the EKS node group ${var.cluster_name}:${var.node_group_name}"
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
  tags                  = local.tags
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each = local.role_policies

  role       = aws_iam_role.node[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/${each.key}"
}

resource "aws_eks_node_group" "this" {
  cluster_name    = var.cluster_name
  node_group_name = var.node_group_name
  node_role_arn   = var.node_role_arn == null ? aws_iam_role.node[0].arn : var.node_role_arn
  subnet_ids      = var.subnet_ids
  instance_types  = length(var.instance_types) == 0 ? null : var.instance_types
  ami_type        = var.ami_type
  capacity_type   = var.capacity_type
  disk_size       = var.disk_size
  labels          = var.labels
  tags            = local.tags

  version              = var.kubernetes_version
  release_version      = var.release_version
  force_update_version = var.force_update_version

  scaling_config {
    min_size     = var.min_size
    max_size     = var.max_size
    desired_size = local.desired_size
  }

  dynamic "taint" {
    for_each = var.taints

    content {
      key    = taint.value.key
      value  = taint.value.value
      effect = taint.value.effect
    }
  }

  # Said in full, so that EKS goes back to its default when it is no longer declared.
  update_config {
    max_unavailable            = var.update_config == null ? 1 : var.update_config.max_unavailable
    max_unavailable_percentage = try(var.update_config.max_unavailable_percentage, null)
  }

  dynamic "launch_template" {
    for_each = var.launch_template[*]

    content {
      id      = launch_template.value.id
      name    = launch_template.value.name
      version = launch_template.value.version
    }
  }

  dynamic "remote_access" {
    for_each = var.remote_access[*]

    content {
      ec2_ssh_key               = remote_access.value.ec2_ssh_key
      source_security_group_ids = remote_access.value.source_security_group_ids
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

  lifecycle {
    precondition {
      condition     = var.min_size <= local.desired_size && local.desired_size <= var.max_size
      error_message = "desired_size lies from min_size to max_size."
    }

    precondition {
      condition     = length(var.instance_types) >= 1 || var.launch_template != null
      error_message = "instance_types has at least one entry, unless launch_template says them."
    }
  }

  # Nodes need the policies to join, and to leave.
  depends_on = [aws_iam_role_policy_attachment.node]
}

# What EKS says after everything was done: outputs come from here and not from the resource's plan.
# The names are the resource's: when it is gone, they are unknown, and nothing is looked for.
data "aws_eks_node_group" "observed" {
  cluster_name    = aws_eks_node_group.this.cluster_name
  node_group_name = aws_eks_node_group.this.node_group_name

  depends_on = [aws_eks_node_group.this]
}

# The nodes that run, by the tags that EKS gives them.
data "aws_instances" "nodes" {
  count = var.count_instances ? 1 : 0

  instance_tags = {
    "eks:cluster-name"   = aws_eks_node_group.this.cluster_name
    "eks:nodegroup-name" = aws_eks_node_group.this.node_group_name
  }
  instance_state_names = ["running"]

  depends_on = [aws_eks_node_group.this]
}
