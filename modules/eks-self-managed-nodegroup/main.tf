# Self-managed nodes: an Auto Scaling group with a launch template of its own, whose instances join an
# EKS cluster by nodeadm (Amazon Linux 2023).

locals {
  tags = merge(var.tags, var.owner_tags)
  name = "${var.cluster_name}.${var.node_group_name}"

  # Role names are unique in an account. No part can hold a dot, so no two node groups share a name.
  role_name_full = "${local.name}.${var.region}.self-managed"
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

  # Nothing that is destroyed needs the cluster, which may be gone.
  cluster = try(data.aws_eks_cluster.this[0], {
    version                   = "gone"
    endpoint                  = "gone"
    certificate_authority     = [{ data = "gone" }]
    kubernetes_network_config = [{ service_ipv4_cidr = "gone" }]
    vpc_config                = [{ cluster_security_group_id = "gone" }]
  })
  version = coalesce(var.kubernetes_version, local.cluster.version)
  arch    = var.ami_type == "AL2023_ARM_64_STANDARD" ? "arm64" : "x86_64"
  ami     = var.ami_id == null ? try(data.aws_ssm_parameter.ami[0].insecure_value, "gone") : var.ami_id

  effects = { NO_SCHEDULE = "NoSchedule", NO_EXECUTE = "NoExecute", PREFER_NO_SCHEDULE = "PreferNoSchedule" }
  flags = concat(
    length(var.labels) == 0 ? [] : ["--node-labels=${join(",", [for key, value in var.labels : "${key}=${value}"])}"],
    length(var.taints) == 0 ? [] : ["--register-with-taints=${join(",", [
      for taint in var.taints : "${taint.key}=${taint.value == null ? "" : taint.value}:${local.effects[taint.effect]}"
    ])}"],
  )

  # What nodeadm reads, in the one part of a MIME document.
  node_config = yamlencode({
    apiVersion = "node.eks.aws/v1alpha1"
    kind       = "NodeConfig"
    spec = {
      cluster = {
        name                 = var.cluster_name
        apiServerEndpoint    = local.cluster.endpoint
        certificateAuthority = local.cluster.certificate_authority[0].data
        cidr                 = local.cluster.kubernetes_network_config[0].service_ipv4_cidr
      }
      kubelet = { flags = local.flags }
    }
  })
  user_data = join("\n", [
    "MIME-Version: 1.0",
    "Content-Type: multipart/mixed; boundary=\"captd\"",
    "",
    "--captd",
    "Content-Type: application/node.eks.aws",
    "",
    local.node_config,
    "--captd--",
    "",
  ])

  # Several types, or Spot, are a policy of the group; one type on demand stands in the launch template.
  is_mixed = length(var.instance_types) > 1 || var.capacity_type == "SPOT"
}

# Known from the region; costs no call.
data "aws_partition" "current" {}

data "aws_eks_cluster" "this" {
  count = var.captd_destroying ? 0 : 1

  name = var.cluster_name
}

data "aws_ssm_parameter" "ami" {
  count = var.ami_id == null && !var.captd_destroying ? 1 : 0

  name = "/aws/service/eks/optimized-ami/${local.version}/amazon-linux-2023/${local.arch}/standard/recommended/image_id"
}

resource "aws_iam_role" "node" {
  count = var.node_role_arn == null ? 1 : 0

  name        = local.role_name
  description = "Self-managed nodes ${var.cluster_name}:${var.node_group_name}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.${data.aws_partition.current.dns_suffix}" }
      Action    = "sts:AssumeRole"
    }]
  })
  # A policy that somebody attached by hand does not keep the role alive after its nodes.
  force_detach_policies = true
  tags                  = local.tags
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each = local.role_policies

  role       = aws_iam_role.node[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/${each.key}"
}

resource "aws_iam_instance_profile" "node" {
  name = local.role_name
  role = var.node_role_arn == null ? aws_iam_role.node[0].name : element(split("/", var.node_role_arn), -1)
  tags = local.tags
}

# A role that is given may serve several groups, and has one entry in its cluster: that is its owner's.
resource "aws_eks_access_entry" "node" {
  count = var.node_role_arn == null ? 1 : 0

  cluster_name  = var.cluster_name
  principal_arn = aws_iam_role.node[0].arn
  type          = "EC2_LINUX"
  tags          = local.tags
}

resource "aws_launch_template" "this" {
  name                   = local.name
  description            = "Self-managed nodes ${var.cluster_name}:${var.node_group_name}"
  image_id               = local.ami
  instance_type          = local.is_mixed ? null : var.instance_types[0]
  user_data              = base64encode(local.user_data)
  update_default_version = true
  vpc_security_group_ids = concat([local.cluster.vpc_config[0].cluster_security_group_id], var.security_group_ids)
  tags                   = local.tags

  iam_instance_profile {
    arn = aws_iam_instance_profile.node.arn
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = var.disk_size == null ? 20 : var.disk_size
      encrypted             = true
      delete_on_termination = true
    }
  }

  # A pod reaches no credentials of its node.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  dynamic "tag_specifications" {
    for_each = ["instance", "volume"]

    content {
      resource_type = tag_specifications.value
      tags          = merge(local.tags, { Name = local.name })
    }
  }
}

# What an autoscaler did to the desired capacity stays, as far as the bounds let it. `ignore_changes` could not say so: it
# holds always or never.
data "aws_autoscaling_groups" "present" {
  count = var.scaling_owner == "autoscaler" && !var.captd_destroying ? 1 : 0

  names = [local.name]
}

data "aws_autoscaling_group" "present" {
  # Said again: `terraform import` reads no data source, and must know the keys all the same.
  for_each = (
    var.scaling_owner == "autoscaler" && !var.captd_destroying
    ? toset(flatten([for groups in data.aws_autoscaling_groups.present : groups.names]))
    : toset([])
  )

  name = each.key
}

locals {
  wanted_size = coalesce(one([for group in data.aws_autoscaling_group.present : group.desired_capacity]), var.desired_size)
  desired_size = (
    var.scaling_owner == "autoscaler"
    ? max(var.min_size, min(var.max_size, local.wanted_size))
    : var.desired_size
  )
}

resource "aws_autoscaling_group" "this" {
  name                = local.name
  min_size            = var.min_size
  max_size            = var.max_size
  desired_capacity    = local.desired_size
  vpc_zone_identifier = var.subnet_ids

  dynamic "launch_template" {
    for_each = local.is_mixed ? [] : [aws_launch_template.this]

    content {
      id      = launch_template.value.id
      version = launch_template.value.latest_version
    }
  }

  dynamic "mixed_instances_policy" {
    for_each = local.is_mixed ? [aws_launch_template.this] : []

    content {
      launch_template {
        launch_template_specification {
          launch_template_id = mixed_instances_policy.value.id
          version            = mixed_instances_policy.value.latest_version
        }

        dynamic "override" {
          for_each = var.instance_types

          content {
            instance_type = override.value
          }
        }
      }

      instances_distribution {
        on_demand_percentage_above_base_capacity = var.capacity_type == "SPOT" ? 0 : 100
        spot_allocation_strategy                 = "price-capacity-optimized"
      }
    }
  }

  # Another image or type is rolled out over the nodes.
  instance_refresh {
    strategy = "Rolling"

    preferences {
      min_healthy_percentage = 100 - try(coalesce(var.update_config.max_unavailable_percentage), 10)
    }
  }

  dynamic "tag" {
    for_each = merge(local.tags, { Name = local.name, "kubernetes.io/cluster/${var.cluster_name}" = "owned" })

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }

  lifecycle {
    precondition {
      condition     = var.min_size <= local.desired_size && local.desired_size <= var.max_size
      error_message = "desired_size lies from min_size to max_size."
    }
  }

  # Nodes need the policies and the entry to join, and to leave.
  depends_on = [aws_iam_role_policy_attachment.node, aws_eks_access_entry.node]
}

# The nodes that run, counted where they are.
data "aws_instances" "nodes" {
  instance_state_names = ["pending", "running"]

  filter {
    name   = "tag:aws:autoscaling:groupName"
    values = [aws_autoscaling_group.this.name]
  }
}
