# The root module of the equality suite: what is the same in all its stages. ENDPOINT stands for the fake AWS.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region     = "eu-central-1"
  access_key = "AKIAOFTHEEAST"
  secret_key = "not-a-secret"

  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true

  endpoints {
    eks = "ENDPOINT"
    iam = "ENDPOINT"
    sns = "ENDPOINT"
    ssm = "ENDPOINT"
    sts = "ENDPOINT"
  }
}

provider "aws" {
  alias = "west"

  region     = "us-west-2"
  access_key = "AKIAOFTHEWEST"
  secret_key = "not-a-secret-either"

  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true

  endpoints {
    eks = "ENDPOINT"
    iam = "ENDPOINT"
    sns = "ENDPOINT"
    ssm = "ENDPOINT"
    sts = "ENDPOINT"
  }
}

variable "known_topic" { type = string }
variable "password" {
  type      = string
  sensitive = true
}
variable "size" { type = number }
variable "edition" { type = number }
variable "subnet_ids" { type = list(string) }
variable "node_role_arn" { type = string }

# Data sources: one that asks AWS, and two that are computed.
data "aws_sns_topic" "known" {
  name = var.known_topic
}
data "aws_region" "west" {
  provider = aws.west
}
data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

# Scaled.
resource "aws_eks_node_group" "workers" {
  cluster_name    = "demo"
  node_group_name = "workers"
  node_role_arn   = var.node_role_arn
  subnet_ids      = var.subnet_ids
  labels          = { team = "data" }

  scaling_config {
    min_size     = 1
    max_size     = 3
    desired_size = var.size
  }
}

# Replaced.
resource "aws_sns_topic" "edition" {
  name = "edition-${var.edition}"

  lifecycle {
    create_before_destroy = true
  }
}

# One for each region and key.
resource "aws_sns_topic" "east" {
  name         = "made-in-the-east"
  display_name = data.aws_sns_topic.known.arn
}
resource "aws_sns_topic" "west" {
  provider = aws.west

  name         = "made-in-the-west"
  display_name = "from ${data.aws_region.west.name}"
}

# Sensitive by the variable, and by the provider's schema.
resource "aws_ssm_parameter" "password" {
  name        = "/password"
  type        = "SecureString"
  value       = var.password
  description = "edition ${var.edition}"
}

output "size" {
  value = aws_eks_node_group.workers.scaling_config[0].desired_size
}
output "region_of_the_west" {
  value = provider::aws::arn_parse(aws_sns_topic.west.arn).region
}
output "password" {
  value     = aws_ssm_parameter.password.value
  sensitive = true
}
