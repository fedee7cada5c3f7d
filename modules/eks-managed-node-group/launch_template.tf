# The launch template of the nodes, where one is made.

locals {
  makes_template  = var.create && var.create_launch_template && var.use_custom_launch_template
  finds_template  = var.create && var.use_custom_launch_template && !var.create_launch_template
  template_name   = coalesce(var.launch_template_name, "${var.name}-eks-node-group")
  template_prefix = var.launch_template_use_name_prefix ? "${local.template_name}-" : null
  uses_latest     = var.update_launch_template_default_version && var.launch_template_default_version == null

  # EKS knows a version by its number alone: a word in its place would differ in every plan.
  versions = concat(
    [for made in aws_launch_template.this : tostring(local.uses_latest ? made.latest_version : made.default_version)],
    [for found in data.aws_launch_template.given : tostring(found.default_version)],
  )
  launch_template = {
    id      = local.makes_template ? aws_launch_template.this[0].id : var.launch_template_id
    version = var.launch_template_version == null ? one(local.versions) : var.launch_template_version
  }

  security_group_ids = compact(concat(var.cluster_primary_security_group_id[*], var.vpc_security_group_ids))

  # Inputs that ask something of a launch template: they need one that is made here.
  template_inputs = merge(local.user_data_inputs, {
    block_device_mappings              = length(var.block_device_mappings) > 0
    capacity_reservation_specification = length(var.capacity_reservation_specification) > 0
    cluster_primary_security_group_id  = var.cluster_primary_security_group_id != null
    cpu_options                        = length(var.cpu_options) > 0
    credit_specification               = length(var.credit_specification) > 0
    disable_api_termination            = var.disable_api_termination != null
    ebs_optimized                      = var.ebs_optimized != null
    enable_bootstrap_user_data         = var.enable_bootstrap_user_data
    enable_monitoring                  = !var.enable_monitoring
    enclave_options                    = length(var.enclave_options) > 0
    instance_market_options            = length(var.instance_market_options) > 0
    kernel_id                          = var.kernel_id != null
    key_name                           = var.key_name != null
    launch_template_default_version    = var.launch_template_default_version != null
    launch_template_description        = var.launch_template_description != null
    launch_template_name               = var.launch_template_name != null
    launch_template_tags               = length(var.launch_template_tags) > 0
    license_specifications             = length(var.license_specifications) > 0
    maintenance_options                = length(var.maintenance_options) > 0
    metadata_options                   = var.metadata_options != tomap({ http_endpoint = "enabled", http_put_response_hop_limit = "2", http_tokens = "required" })
    network_interfaces                 = length(var.network_interfaces) > 0
    placement                          = length(var.placement) > 0
    private_dns_name_options           = length(var.private_dns_name_options) > 0
    ram_disk_id                        = var.ram_disk_id != null
    tag_specifications                 = toset(var.tag_specifications) != toset(["instance", "network-interface", "volume"])
    vpc_security_group_ids             = length(var.vpc_security_group_ids) > 0
  })
  is_template_made       = var.create_launch_template && var.use_custom_launch_template
  unused_template_inputs = [for name, is_set in local.template_inputs : name if is_set && !local.is_template_made]
}

data "aws_launch_template" "given" {
  count = local.finds_template ? 1 : 0

  id = var.launch_template_id

  lifecycle {
    precondition {
      condition     = var.launch_template_id != ""
      error_message = "launch_template_id is required with use_custom_launch_template = true and create_launch_template = false."
    }
  }
}

resource "aws_launch_template" "this" {
  count = local.makes_template ? 1 : 0

  name_prefix             = local.template_prefix
  name                    = local.template_prefix == null ? local.template_name : null
  description             = var.launch_template_description
  default_version         = var.launch_template_default_version
  update_default_version  = var.launch_template_default_version == null ? var.update_launch_template_default_version : null
  image_id                = local.is_own_image ? var.ami_id : null
  instance_type           = local.is_block ? try(var.instance_types[0], null) : null
  kernel_id               = var.kernel_id
  ram_disk_id             = var.ram_disk_id
  key_name                = var.key_name
  ebs_optimized           = var.ebs_optimized
  disable_api_termination = var.disable_api_termination
  user_data               = local.user_data == "" ? null : base64encode(local.user_data)
  # Those of an interface stand with it.
  vpc_security_group_ids = length(var.network_interfaces) == 0 ? local.security_group_ids : null
  tags                   = merge(var.tags, var.launch_template_tags)

  dynamic "block_device_mappings" {
    for_each = var.block_device_mappings
    iterator = device

    content {
      device_name  = lookup(device.value, "device_name", null)
      no_device    = lookup(device.value, "no_device", null)
      virtual_name = lookup(device.value, "virtual_name", null)

      dynamic "ebs" {
        for_each = lookup(device.value, "ebs", null)[*]
        iterator = volume

        content {
          volume_type           = lookup(volume.value, "volume_type", null)
          volume_size           = lookup(volume.value, "volume_size", null)
          iops                  = lookup(volume.value, "iops", null)
          throughput            = lookup(volume.value, "throughput", null)
          encrypted             = lookup(volume.value, "encrypted", null)
          kms_key_id            = lookup(volume.value, "kms_key_id", null)
          snapshot_id           = lookup(volume.value, "snapshot_id", null)
          delete_on_termination = lookup(volume.value, "delete_on_termination", null)
        }
      }
    }
  }

  dynamic "capacity_reservation_specification" {
    for_each = [for it in [var.capacity_reservation_specification] : it if length(it) > 0]
    iterator = reservation

    content {
      capacity_reservation_preference = lookup(reservation.value, "capacity_reservation_preference", null)

      dynamic "capacity_reservation_target" {
        for_each = lookup(reservation.value, "capacity_reservation_target", null)[*]
        iterator = target

        content {
          capacity_reservation_id                 = lookup(target.value, "capacity_reservation_id", null)
          capacity_reservation_resource_group_arn = lookup(target.value, "capacity_reservation_resource_group_arn", null)
        }
      }
    }
  }

  dynamic "cpu_options" {
    for_each = [for it in [var.cpu_options] : it if length(it) > 0]
    iterator = cpu

    content {
      core_count       = lookup(cpu.value, "core_count", null)
      threads_per_core = lookup(cpu.value, "threads_per_core", null)
    }
  }

  dynamic "credit_specification" {
    for_each = [for it in [var.credit_specification] : it if length(it) > 0]
    iterator = credit

    content {
      cpu_credits = lookup(credit.value, "cpu_credits", null)
    }
  }

  dynamic "enclave_options" {
    for_each = [for it in [var.enclave_options] : it if length(it) > 0]
    iterator = enclave

    content {
      enabled = lookup(enclave.value, "enabled", null)
    }
  }

  dynamic "instance_market_options" {
    for_each = [for it in [var.instance_market_options] : it if length(it) > 0]
    iterator = market

    content {
      market_type = lookup(market.value, "market_type", null)

      dynamic "spot_options" {
        for_each = lookup(market.value, "spot_options", null)[*]
        iterator = spot

        content {
          block_duration_minutes         = lookup(spot.value, "block_duration_minutes", null)
          instance_interruption_behavior = lookup(spot.value, "instance_interruption_behavior", null)
          max_price                      = lookup(spot.value, "max_price", null)
          spot_instance_type             = lookup(spot.value, "spot_instance_type", null)
          valid_until                    = lookup(spot.value, "valid_until", null)
        }
      }
    }
  }

  dynamic "license_specification" {
    for_each = var.license_specifications
    iterator = license

    content {
      license_configuration_arn = license.value.license_configuration_arn
    }
  }

  dynamic "maintenance_options" {
    for_each = [for it in [var.maintenance_options] : it if length(it) > 0]
    iterator = maintenance

    content {
      auto_recovery = lookup(maintenance.value, "auto_recovery", null)
    }
  }

  dynamic "metadata_options" {
    for_each = [for it in [var.metadata_options] : it if length(it) > 0]
    iterator = imds

    content {
      http_endpoint               = lookup(imds.value, "http_endpoint", null)
      http_tokens                 = lookup(imds.value, "http_tokens", null)
      http_put_response_hop_limit = lookup(imds.value, "http_put_response_hop_limit", null)
      http_protocol_ipv6          = lookup(imds.value, "http_protocol_ipv6", null)
      instance_metadata_tags      = lookup(imds.value, "instance_metadata_tags", null)
    }
  }

  dynamic "monitoring" {
    for_each = [for is_enabled in [var.enable_monitoring] : is_enabled if is_enabled]

    content {
      enabled = monitoring.value
    }
  }

  dynamic "network_interfaces" {
    for_each = [for it in var.network_interfaces : merge({ security_groups = [] }, it)]
    iterator = card

    content {
      description                  = lookup(card.value, "description", null)
      device_index                 = lookup(card.value, "device_index", null)
      network_card_index           = lookup(card.value, "network_card_index", null)
      interface_type               = lookup(card.value, "interface_type", null)
      network_interface_id         = lookup(card.value, "network_interface_id", null)
      delete_on_termination        = lookup(card.value, "delete_on_termination", null)
      associate_carrier_ip_address = lookup(card.value, "associate_carrier_ip_address", null)
      associate_public_ip_address  = lookup(card.value, "associate_public_ip_address", null)
      private_ip_address           = lookup(card.value, "private_ip_address", null)
      primary_ipv6                 = lookup(card.value, "primary_ipv6", null)
      ipv4_address_count           = lookup(card.value, "ipv4_address_count", null)
      ipv4_addresses               = lookup(card.value, "ipv4_addresses", null)
      ipv4_prefix_count            = lookup(card.value, "ipv4_prefix_count", null)
      ipv4_prefixes                = lookup(card.value, "ipv4_prefixes", null)
      ipv6_address_count           = lookup(card.value, "ipv6_address_count", null)
      ipv6_addresses               = lookup(card.value, "ipv6_addresses", null)
      ipv6_prefix_count            = lookup(card.value, "ipv6_prefix_count", null)
      ipv6_prefixes                = lookup(card.value, "ipv6_prefixes", null)
      security_groups              = distinct(concat(local.security_group_ids, card.value.security_groups))
    }
  }

  dynamic "placement" {
    for_each = [for it in [var.placement] : it if length(it) > 0]
    iterator = place

    content {
      availability_zone       = lookup(place.value, "availability_zone", null)
      group_name              = lookup(place.value, "group_name", null)
      partition_number        = lookup(place.value, "partition_number", null)
      spread_domain           = lookup(place.value, "spread_domain", null)
      tenancy                 = lookup(place.value, "tenancy", null)
      affinity                = lookup(place.value, "affinity", null)
      host_id                 = lookup(place.value, "host_id", null)
      host_resource_group_arn = lookup(place.value, "host_resource_group_arn", null)
    }
  }

  dynamic "private_dns_name_options" {
    for_each = [for it in [var.private_dns_name_options] : it if length(it) > 0]
    iterator = dns

    content {
      hostname_type                        = lookup(dns.value, "hostname_type", null)
      enable_resource_name_dns_a_record    = lookup(dns.value, "enable_resource_name_dns_a_record", null)
      enable_resource_name_dns_aaaa_record = lookup(dns.value, "enable_resource_name_dns_aaaa_record", null)
    }
  }

  dynamic "tag_specifications" {
    for_each = toset(var.tag_specifications)
    iterator = kind

    content {
      resource_type = kind.value
      tags          = merge(local.named_tags, var.launch_template_tags)
    }
  }

  lifecycle {
    # Nodes go on with the one they have, until the node group has the other.
    create_before_destroy = true

    precondition {
      condition     = contains(["linux", local.platform], var.platform)
      error_message = "platform (${var.platform}) is not what ami_type says (${local.platform}); leave it out."
    }

    precondition {
      condition     = length(local.user_data_unused) == 0
      error_message = "The user data of ${local.platform}, with enable_bootstrap_user_data = ${var.enable_bootstrap_user_data}, does not take ${join(", ", local.user_data_unused)}; it takes ${length(local.user_data_taken) == 0 ? "nothing" : join(", ", local.user_data_taken)}."
    }

    precondition {
      condition     = !var.enable_bootstrap_user_data || (local.is_own_image && local.platform != "windows")
      error_message = "enable_bootstrap_user_data is for an image of one's own, which ami_id names; EKS adds to its own images how a node joins. The stand-in for eks-managed-node-group does not have it for Windows; mirror the module itself in [modules.mirror]."
    }

    precondition {
      condition     = !var.enable_bootstrap_user_data || (var.cluster_endpoint != "" && var.cluster_auth_base64 != "" && can(cidrhost(local.service_cidr, 10)))
      error_message = "enable_bootstrap_user_data needs cluster_endpoint, cluster_auth_base64 and cluster_service_cidr."
    }

    precondition {
      condition     = var.cluster_service_cidr == "" || var.cluster_service_ipv4_cidr == null
      error_message = "cluster_service_ipv4_cidr is the older name of cluster_service_cidr; say one of them."
    }
  }
}
