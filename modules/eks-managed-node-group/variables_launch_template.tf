# The launch template of the nodes. Without one that is made here, an input of it is refused.

variable "create_launch_template" {
  description = "Whether a launch template is made, where one is used."
  type        = bool
  default     = true
  nullable    = false
}

variable "use_custom_launch_template" {
  description = "Whether a launch template is used, and not one of EKS's own."
  type        = bool
  default     = true
  nullable    = false
}

variable "launch_template_id" {
  description = "A launch template that exists, where none is made."
  type        = string
  default     = ""
  nullable    = false
}

variable "launch_template_version" {
  description = "Number of the version that the nodes take. When null, the newest of the one that is made, and the default one of the one that exists."
  type        = string
  default     = null
}

variable "launch_template_name" {
  description = "Name of the launch template, or what it begins with. When null, <name>-eks-node-group."
  type        = string
  default     = null
}

variable "launch_template_use_name_prefix" {
  description = "Whether 26 characters of Terraform's follow the name of the launch template."
  type        = bool
  default     = true
  nullable    = false
}

variable "launch_template_description" {
  description = "Description of the launch template."
  type        = string
  default     = null
}

variable "launch_template_default_version" {
  description = "Number of the version that is the default one, in the place of the newest."
  type        = string
  default     = null
}

variable "update_launch_template_default_version" {
  description = "Whether each new version becomes the default one, which the nodes take."
  type        = bool
  default     = true
  nullable    = false
}

variable "launch_template_tags" {
  description = "Further AWS tags of the launch template and of what is started from it."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "tag_specifications" {
  description = "Kinds of resources, started from the launch template, that are given tags."
  type        = list(string)
  default     = ["instance", "volume", "network-interface"]
  nullable    = false
}

variable "key_name" {
  description = "EC2 key pair for SSH."
  type        = string
  default     = null
}

variable "vpc_security_group_ids" {
  description = "Security groups of the nodes, beside cluster_primary_security_group_id."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "ebs_optimized" {
  description = "Whether the nodes have bandwidth of their own to their volumes."
  type        = bool
  default     = null
}

variable "disable_api_termination" {
  description = "Whether the nodes are protected from termination."
  type        = bool
  default     = null
}

variable "enable_monitoring" {
  description = "Whether the nodes are monitored each minute."
  type        = bool
  default     = true
  nullable    = false
}

variable "kernel_id" {
  description = "Kernel of a paravirtual image."
  type        = string
  default     = null
}

variable "ram_disk_id" {
  description = "RAM disk of a paravirtual image."
  type        = string
  default     = null
}

variable "block_device_mappings" {
  description = "Volumes, by any name: device_name, ebs (volume_size in GiB, volume_type, iops, throughput in MiB/s, encrypted, kms_key_id, snapshot_id, delete_on_termination), no_device, virtual_name."
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for device in var.block_device_mappings : length(setsubtract(keys(device), ["device_name", "ebs", "no_device", "virtual_name"])) == 0])
    error_message = "Each of block_device_mappings has no keys but device_name, ebs, no_device and virtual_name."
  }

  validation {
    condition     = alltrue([for device in var.block_device_mappings : length(setsubtract(try(keys(device.ebs), []), ["volume_type", "volume_size", "iops", "throughput", "encrypted", "kms_key_id", "snapshot_id", "delete_on_termination"])) == 0])
    error_message = "The ebs of each of block_device_mappings has no keys but volume_type, volume_size, iops, throughput, encrypted, kms_key_id, snapshot_id and delete_on_termination."
  }
}

variable "capacity_reservation_specification" {
  description = "Reserved capacity: capacity_reservation_preference, and capacity_reservation_target (capacity_reservation_id, capacity_reservation_resource_group_arn)."
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.capacity_reservation_specification), ["capacity_reservation_preference", "capacity_reservation_target"])) == 0
    error_message = "capacity_reservation_specification has no keys but capacity_reservation_preference and capacity_reservation_target."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.capacity_reservation_specification.capacity_reservation_target), []), ["capacity_reservation_id", "capacity_reservation_resource_group_arn"])) == 0
    error_message = "The capacity_reservation_target of capacity_reservation_specification has no keys but capacity_reservation_id and capacity_reservation_resource_group_arn."
  }
}

variable "cpu_options" {
  description = "Cores and threads: core_count, threads_per_core."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.cpu_options), ["core_count", "threads_per_core"])) == 0
    error_message = "cpu_options has no keys but core_count and threads_per_core."
  }
}

variable "credit_specification" {
  description = "CPU credits of burstable types: cpu_credits."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.credit_specification), ["cpu_credits"])) == 0
    error_message = "credit_specification has no keys but cpu_credits."
  }
}

variable "enclave_options" {
  description = "Nitro Enclaves: enabled."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.enclave_options), ["enabled"])) == 0
    error_message = "enclave_options has no keys but enabled."
  }
}

variable "instance_market_options" {
  description = "How instances are bought: market_type, and spot_options. EKS takes capacity-block; Spot is capacity_type."
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.instance_market_options), ["market_type", "spot_options"])) == 0
    error_message = "instance_market_options has no keys but market_type and spot_options."
  }

  validation {
    condition     = length(setsubtract(try(keys(var.instance_market_options.spot_options), []), ["block_duration_minutes", "instance_interruption_behavior", "max_price", "spot_instance_type", "valid_until"])) == 0
    error_message = "The spot_options of instance_market_options has no keys but block_duration_minutes, instance_interruption_behavior, max_price, spot_instance_type and valid_until."
  }
}

variable "license_specifications" {
  description = "Licences, by any name: license_configuration_arn."
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for license in var.license_specifications : length(setsubtract(keys(license), ["license_configuration_arn"])) == 0 && can(license.license_configuration_arn)])
    error_message = "Each of license_specifications has license_configuration_arn, and nothing else."
  }
}

variable "maintenance_options" {
  description = "Recovery of instances: auto_recovery."
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.maintenance_options), ["auto_recovery"])) == 0
    error_message = "maintenance_options has no keys but auto_recovery."
  }
}

variable "metadata_options" {
  description = "The instance metadata service: http_endpoint, http_tokens, http_put_response_hop_limit, http_protocol_ipv6 and instance_metadata_tags."
  type        = map(string)
  default = {
    http_endpoint               = "enabled"
    http_put_response_hop_limit = 2
    http_tokens                 = "required"
  }
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.metadata_options), ["http_endpoint", "http_tokens", "http_put_response_hop_limit", "http_protocol_ipv6", "instance_metadata_tags"])) == 0
    error_message = "metadata_options has no keys but http_endpoint, http_tokens, http_put_response_hop_limit, http_protocol_ipv6 and instance_metadata_tags."
  }
}

variable "network_interfaces" {
  description = "Network interfaces; each has the security groups of the nodes beside its own."
  type        = list(any)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([for it in var.network_interfaces : length(setsubtract(keys(it), [
      "description", "device_index", "network_card_index", "interface_type",
      "network_interface_id", "delete_on_termination", "associate_carrier_ip_address", "associate_public_ip_address",
      "private_ip_address", "primary_ipv6", "ipv4_address_count", "ipv4_addresses",
      "ipv4_prefix_count", "ipv4_prefixes", "ipv6_address_count", "ipv6_addresses",
      "ipv6_prefix_count", "ipv6_prefixes", "security_groups",
    ])) == 0])
    error_message = "Each of network_interfaces has no keys but those of the network_interfaces of an aws_launch_template, without the subnet, which EKS chooses of subnet_ids."
  }
}

variable "placement" {
  description = "Where instances stand: availability_zone, group_name, partition_number, spread_domain, tenancy, affinity, host_id and host_resource_group_arn."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.placement), ["availability_zone", "group_name", "partition_number", "spread_domain", "tenancy", "affinity", "host_id", "host_resource_group_arn"])) == 0
    error_message = "placement has no keys but availability_zone, group_name, partition_number, spread_domain, tenancy, affinity, host_id and host_resource_group_arn."
  }
}

variable "private_dns_name_options" {
  description = "Names of the instances: hostname_type, enable_resource_name_dns_a_record and enable_resource_name_dns_aaaa_record."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.private_dns_name_options), ["hostname_type", "enable_resource_name_dns_a_record", "enable_resource_name_dns_aaaa_record"])) == 0
    error_message = "private_dns_name_options has no keys but hostname_type, enable_resource_name_dns_a_record and enable_resource_name_dns_aaaa_record."
  }
}
