# One node group without a cloud. Values come from terraform.tfvars.json.

terraform {
  required_version = ">= 1.6"
}

module "nodegroup" {
  source = "./modules/local-nodegroup"

  cluster_name    = var.cluster_name
  region          = var.region
  node_group_name = var.node_group_name
  instance_types  = var.instance_types
  min_size        = var.min_size
  max_size        = var.max_size
  desired_size    = var.desired_size
  scaling_owner   = var.scaling_owner
  subnet_ids      = var.subnet_ids
  node_role_arn   = var.node_role_arn
  ami_type        = var.ami_type
  capacity_type   = var.capacity_type
  disk_size       = var.disk_size
  labels          = var.labels
  taints          = var.taints
  tags            = var.tags
  owner_tags      = var.owner_tags
  update_config   = var.update_config

  kubernetes_version   = var.kubernetes_version
  release_version      = var.release_version
  force_update_version = var.force_update_version
  launch_template      = var.launch_template
  remote_access        = var.remote_access
  node_repair_config   = var.node_repair_config
  timeouts             = var.timeouts

  create_seconds = var.create_seconds
  fail_with      = var.fail_with
}
