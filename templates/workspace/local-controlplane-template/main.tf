# One control plane without a cloud. Values come from terraform.tfvars.json.

terraform {
  required_version = ">= 1.6"
}

module "controlplane" {
  source = "./modules/local-controlplane"

  region                  = var.region
  cluster_name            = var.cluster_name
  kubernetes_version      = var.kubernetes_version
  subnet_ids              = var.subnet_ids
  endpoint_private_access = var.endpoint_private_access
  endpoint_public_access  = var.endpoint_public_access
  public_access_cidrs     = var.public_access_cidrs
  log_types               = var.log_types
  kms_key_arn             = var.kms_key_arn
  access_entries          = var.access_entries
  addons                  = var.addons
  create_creator_admin    = var.create_creator_admin
  tags                    = var.tags
  owner_tags              = var.owner_tags
  create_seconds          = var.create_seconds
  fail_with               = var.fail_with
}
