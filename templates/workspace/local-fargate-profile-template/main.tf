# One Fargate profile without a cloud. Values come from terraform.tfvars.json.

terraform {
  required_version = ">= 1.6"
}

module "profile" {
  source = "./modules/local-fargate-profile"

  region                 = var.region
  cluster_name           = var.cluster_name
  profile_name           = var.profile_name
  subnet_ids             = var.subnet_ids
  selectors              = var.selectors
  pod_execution_role_arn = var.pod_execution_role_arn
  tags                   = var.tags
  owner_tags             = var.owner_tags
  create_seconds         = var.create_seconds
  fail_with              = var.fail_with
}
