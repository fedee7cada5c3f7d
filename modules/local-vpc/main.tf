# A VPC of Terraform's built-in terraform_data: no provider, no cloud, and the outputs of a real one.

locals {
  zones = var.zones == null ? ["${var.region}a", "${var.region}b"] : var.zones
  hash  = { for what in ["vpc", "private", "public", "nat"] : what => { for zone in local.zones : zone => substr(sha256("${var.name}/${what}/${zone}"), 0, 17) } }
  nats  = { none = [], single = slice(local.zones, 0, 1), per_zone = local.zones }[var.nat_gateways]
}

resource "terraform_data" "vpc" {
  # What AWS changes in place.
  input = {
    zones        = local.zones
    nat_gateways = var.nat_gateways
    cluster_name = var.cluster_name
    tags         = merge(var.tags, var.owner_tags)
  }

  # What makes AWS replace the VPC.
  triggers_replace = {
    name   = var.name
    region = var.region
    cidr   = var.cidr
  }

  # Runs at creation only. The text reaches the shell as a variable and is never a part of the command.
  provisioner "local-exec" {
    command     = "sleep \"$CREATE_SECONDS\"; if [ -n \"$FAIL_WITH\" ]; then printf '%s\\n' \"$FAIL_WITH\" >&2; exit 1; fi"
    environment = { CREATE_SECONDS = tostring(var.create_seconds), FAIL_WITH = var.fail_with }
    quiet       = true
  }
}

# One subnet a zone and kind: a zone more makes two subnets and touches no other.
resource "terraform_data" "subnet" {
  for_each = merge([for n, zone in local.zones : {
    "private/${zone}" = { zone = zone, cidr = cidrsubnet(var.cidr, 3, n + 4), id = "subnet-${local.hash.private[zone]}" }
    "public/${zone}"  = { zone = zone, cidr = cidrsubnet(var.cidr, 3, n), id = "subnet-${local.hash.public[zone]}" }
  }]...)

  input            = each.value
  triggers_replace = terraform_data.vpc.id
}
