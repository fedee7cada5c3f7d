# A control plane of Terraform's built-in terraform_data: no provider, no cloud, and the outputs of a real one.

locals {
  id = upper(substr(sha256("${var.region}/${var.cluster_name}"), 0, 32))
}

resource "terraform_data" "cluster" {
  # What EKS changes in place.
  input = {
    status                  = "ACTIVE"
    version                 = coalesce(var.kubernetes_version, "1.33")
    endpoint_private_access = var.endpoint_private_access
    endpoint_public_access  = var.endpoint_public_access
    public_access_cidrs     = var.public_access_cidrs
    log_types               = var.log_types
    subnet_ids              = var.subnet_ids
    tags                    = merge(var.tags, var.owner_tags)
  }

  # What makes EKS replace the cluster.
  triggers_replace = {
    cluster_name         = var.cluster_name
    region               = var.region
    kms_key_arn          = var.kms_key_arn
    create_creator_admin = var.create_creator_admin
  }

  # Runs at creation only. The text reaches the shell as a variable and is never a part of the command.
  provisioner "local-exec" {
    command     = "sleep \"$CREATE_SECONDS\"; if [ -n \"$FAIL_WITH\" ]; then printf '%s\\n' \"$FAIL_WITH\" >&2; exit 1; fi"
    environment = { CREATE_SECONDS = tostring(var.create_seconds), FAIL_WITH = var.fail_with }
    quiet       = true
  }
}

resource "terraform_data" "access_entry" {
  for_each = var.access_entries

  input            = each.value
  triggers_replace = [terraform_data.cluster.id, each.value.principal_arn]
}

resource "terraform_data" "addon" {
  for_each = var.addons

  input            = each.value
  triggers_replace = terraform_data.cluster.id
}
