# A node group of Terraform's built-in terraform_data: no provider, no cloud, and the phases of a real one.

# Only what is said: a group that was made before these existed is not changed by them.
locals {
  desired_size = (
    var.scaling_owner == "autoscaler"
    ? max(var.min_size, min(var.max_size, var.desired_size))
    : var.desired_size
  )
  optional_input = { for name, value in {
    kubernetes_version   = var.kubernetes_version
    release_version      = var.release_version
    force_update_version = var.force_update_version
    launch_version       = try(var.launch_template.version, null)
    node_repair_config   = var.node_repair_config
  } : name => value if value != null }
  optional_triggers = { for name, value in {
    launch_template = try(coalesce(var.launch_template.id, var.launch_template.name), null)
    remote_access   = var.remote_access
  } : name => value if value != null }
}

resource "terraform_data" "group" {
  # What EKS changes in place.
  input = merge({
    status        = "ACTIVE"
    min_size      = var.min_size
    max_size      = var.max_size
    labels        = var.labels
    taints        = var.taints
    tags          = merge(var.tags, var.owner_tags)
    update_config = var.update_config
  }, local.optional_input)

  # What makes EKS replace the node group.
  triggers_replace = merge({
    cluster_name    = var.cluster_name
    region          = var.region
    node_group_name = var.node_group_name
    instance_types  = var.instance_types
    subnet_ids      = var.subnet_ids
    node_role_arn   = var.node_role_arn
    ami_type        = var.ami_type
    capacity_type   = var.capacity_type
    disk_size       = var.disk_size
  }, local.optional_triggers)

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

  # Runs at creation only: another create_seconds changes nothing that exists.
  provisioner "local-exec" {
    command     = "sleep \"$CREATE_SECONDS\""
    environment = { CREATE_SECONDS = tostring(var.create_seconds) }
    quiet       = true
  }
}

resource "terraform_data" "node" {
  for_each = toset([for n in range(local.desired_size) : tostring(n)])

  input            = { name = "${var.node_group_name}-${each.key}" }
  triggers_replace = terraform_data.group.id

  # The text reaches the shell as a variable and is never a part of the command.
  provisioner "local-exec" {
    command     = "if [ -n \"$FAIL_WITH\" ]; then printf '%s\\n' \"$FAIL_WITH\" >&2; exit 1; fi"
    environment = { FAIL_WITH = var.fail_with }
    quiet       = true
  }
}
