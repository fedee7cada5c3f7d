# One VPC without a cloud. Values come from terraform.tfvars.json.

terraform {
  required_version = ">= 1.6"
}

module "vpc" {
  source = "./modules/local-vpc"

  region         = var.region
  name           = var.name
  cidr           = var.cidr
  zones          = var.zones
  nat_gateways   = var.nat_gateways
  cluster_name   = var.cluster_name
  tags           = var.tags
  owner_tags     = var.owner_tags
  create_seconds = var.create_seconds
  fail_with      = var.fail_with
}
