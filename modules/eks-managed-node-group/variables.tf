# The inputs of the module that this one stands in for, at 20.37.2. What the stand-in does not have is refused where it is set.

variable "create" {
  description = "Whether anything is made."
  type        = bool
  default     = true
}

variable "tags" {
  description = "AWS tags of all that is made."
  type        = map(string)
  default     = {}
}

variable "cluster_name" {
  description = "EKS cluster that the node group belongs to."
  type        = string
  default     = null
}

variable "cluster_version" {
  description = "Kubernetes version of the nodes; the cluster's when null."
  type        = string
  default     = null
}

variable "name" {
  description = "Name of the node group, or what it begins with."
  type        = string
  default     = ""
}

variable "use_name_prefix" {
  description = "Whether the name is followed by one of AWS's choice."
  type        = bool
  default     = true
}

variable "subnet_ids" {
  description = "Subnets of the nodes."
  type        = list(string)
  default     = null
}

variable "min_size" {
  description = "Fewest nodes."
  type        = number
  default     = 0
}

variable "max_size" {
  description = "Most nodes."
  type        = number
  default     = 3
}

variable "desired_size" {
  description = "Nodes that are wanted. Unlike the original, a change of it is applied."
  type        = number
  default     = 1
}

variable "ami_type" {
  description = "EKS AMI type."
  type        = string
  default     = null
}

variable "ami_release_version" {
  description = "Release of the AMI; the newest when null."
  type        = string
  default     = null
}

variable "capacity_type" {
  description = "ON_DEMAND, SPOT or CAPACITY_BLOCK."
  type        = string
  default     = "ON_DEMAND"
}

variable "disk_size" {
  description = "GiB of the root volume, where no launch template of one's own is used."
  type        = number
  default     = null
}

variable "force_update_version" {
  description = "Whether an update goes on where pods cannot be moved."
  type        = bool
  default     = null
}

variable "instance_types" {
  description = "EC2 instance types; EKS takes t3.medium when null."
  type        = list(string)
  default     = null
}

variable "labels" {
  description = "Kubernetes labels of the nodes."
  type        = map(string)
  default     = null
}

variable "taints" {
  description = "Kubernetes taints of the nodes: a map of objects with key, value and effect."
  type        = any
  default     = {}
}

variable "update_config" {
  description = "How many nodes an update may take away: max_unavailable or max_unavailable_percentage."
  type        = map(string)
  default = {
    max_unavailable_percentage = 33
  }
}

variable "node_repair_config" {
  description = "Whether EKS replaces nodes that are not healthy."
  type        = object({ enabled = optional(bool, true) })
  default     = null
}

variable "timeouts" {
  description = "How long Terraform waits for EKS: create, update, delete."
  type        = map(string)
  default     = {}
}

variable "remote_access" {
  description = "Access by SSH, where no launch template of one's own is used: ec2_ssh_key, source_security_group_ids."
  type        = any
  default     = {}
}

variable "create_launch_template" {
  description = "Whether a launch template is made."
  type        = bool
  default     = true
}

variable "use_custom_launch_template" {
  description = "Whether a launch template is used, rather than EKS's own."
  type        = bool
  default     = true
}

variable "launch_template_id" {
  description = "A launch template that exists, where none is made."
  type        = string
  default     = ""
}

variable "launch_template_name" {
  description = "Name of the launch template, or what it begins with; that of the node group when null."
  type        = string
  default     = null
}

variable "launch_template_use_name_prefix" {
  description = "Whether that name is followed by one of AWS's choice."
  type        = bool
  default     = true
}

variable "launch_template_description" {
  description = "Description of the launch template."
  type        = string
  default     = null
}

variable "launch_template_version" {
  description = "Version that is used; the newest of the one that is made when null."
  type        = string
  default     = null
}

variable "launch_template_tags" {
  description = "Further tags of what the launch template makes."
  type        = map(string)
  default     = {}
}

variable "update_launch_template_default_version" {
  description = "Whether each version becomes the default one."
  type        = bool
  default     = true
}

variable "tag_specifications" {
  description = "What the launch template tags."
  type        = list(string)
  default     = ["instance", "volume", "network-interface"]
}

variable "ebs_optimized" {
  description = "Whether instances are optimised for EBS."
  type        = bool
  default     = null
}

variable "ami_id" {
  description = "Image of the nodes; EKS's own when empty."
  type        = string
  default     = ""
}

variable "key_name" {
  description = "Key for SSH."
  type        = string
  default     = null
}

variable "vpc_security_group_ids" {
  description = "Security groups of the nodes."
  type        = list(string)
  default     = []
}

variable "cluster_primary_security_group_id" {
  description = "The cluster's own security group, one more of the nodes'."
  type        = string
  default     = null
}

variable "disable_api_termination" {
  description = "Whether instances are protected from termination."
  type        = bool
  default     = null
}

variable "block_device_mappings" {
  description = "Volumes: a map of objects with device_name and ebs."
  type        = any
  default     = {}
}

variable "metadata_options" {
  description = "The instance metadata service."
  type        = map(string)
  default = {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 2
  }
}

variable "enable_monitoring" {
  description = "Whether instances are monitored in detail."
  type        = bool
  default     = true
}

variable "create_iam_role" {
  description = "Whether a node role is made."
  type        = bool
  default     = true
}

variable "iam_role_arn" {
  description = "A node role that exists, where none is made."
  type        = string
  default     = null
}

variable "iam_role_name" {
  description = "Name of the node role, or what it begins with."
  type        = string
  default     = null
}

variable "iam_role_use_name_prefix" {
  description = "Whether that name is followed by one of AWS's choice."
  type        = bool
  default     = true
}

variable "iam_role_path" {
  description = "Path of the node role."
  type        = string
  default     = null
}

variable "iam_role_description" {
  description = "Description of the node role."
  type        = string
  default     = null
}

variable "iam_role_permissions_boundary" {
  description = "Permissions boundary of the node role."
  type        = string
  default     = null
}

variable "iam_role_attach_cni_policy" {
  description = "Whether the node role may do what the VPC CNI needs."
  type        = bool
  default     = true
}

variable "iam_role_additional_policies" {
  description = "Further policies of the node role: ARN by any name."
  type        = map(string)
  default     = {}
}

variable "iam_role_tags" {
  description = "Further tags of the node role."
  type        = map(string)
  default     = {}
}

variable "cluster_endpoint" {
  description = "Reaches nothing: what it belongs to is refused, or not asked for."
  type        = string
  default     = ""
}

variable "cluster_auth_base64" {
  description = "Reaches nothing: what it belongs to is refused, or not asked for."
  type        = string
  default     = ""
}

variable "cluster_service_cidr" {
  description = "Reaches nothing: what it belongs to is refused, or not asked for."
  type        = string
  default     = ""
}

variable "cluster_service_ipv4_cidr" {
  description = "Reaches nothing: what it belongs to is refused, or not asked for."
  type        = string
  default     = null
}

variable "create_schedule" {
  description = "Reaches nothing: what it belongs to is refused, or not asked for."
  type        = bool
  default     = true
}

variable "create_iam_role_policy" {
  description = "Reaches nothing: what it belongs to is refused, or not asked for."
  type        = bool
  default     = true
}

variable "efa_indices" {
  description = "Reaches nothing: what it belongs to is refused, or not asked for."
  type        = list(number)
  default     = [0]
}

variable "placement_group_strategy" {
  description = "Reaches nothing: what it belongs to is refused, or not asked for."
  type        = string
  default     = "cluster"
}

variable "placement_group_az" {
  description = "Reaches nothing: what it belongs to is refused, or not asked for."
  type        = string
  default     = null
}

variable "platform" {
  description = "Not in the stand-in: only 'linux' is taken."
  type        = string
  default     = "linux"

  validation {
    condition     = var.platform == "linux"
    error_message = "The stand-in for eks-managed-node-group does not have platform; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "enable_bootstrap_user_data" {
  description = "Not in the stand-in: only false is taken."
  type        = bool
  default     = false

  validation {
    condition     = var.enable_bootstrap_user_data == false
    error_message = "The stand-in for eks-managed-node-group does not have enable_bootstrap_user_data; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "pre_bootstrap_user_data" {
  description = "Not in the stand-in: only '' is taken."
  type        = string
  default     = ""

  validation {
    condition     = var.pre_bootstrap_user_data == ""
    error_message = "The stand-in for eks-managed-node-group does not have pre_bootstrap_user_data; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "post_bootstrap_user_data" {
  description = "Not in the stand-in: only '' is taken."
  type        = string
  default     = ""

  validation {
    condition     = var.post_bootstrap_user_data == ""
    error_message = "The stand-in for eks-managed-node-group does not have post_bootstrap_user_data; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "bootstrap_extra_args" {
  description = "Not in the stand-in: only '' is taken."
  type        = string
  default     = ""

  validation {
    condition     = var.bootstrap_extra_args == ""
    error_message = "The stand-in for eks-managed-node-group does not have bootstrap_extra_args; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "user_data_template_path" {
  description = "Not in the stand-in: only '' is taken."
  type        = string
  default     = ""

  validation {
    condition     = var.user_data_template_path == ""
    error_message = "The stand-in for eks-managed-node-group does not have user_data_template_path; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "cloudinit_pre_nodeadm" {
  description = "Not in the stand-in: only [] is taken."
  type        = any
  default     = []

  validation {
    condition     = length(var.cloudinit_pre_nodeadm) == 0
    error_message = "The stand-in for eks-managed-node-group does not have cloudinit_pre_nodeadm; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "cloudinit_post_nodeadm" {
  description = "Not in the stand-in: only [] is taken."
  type        = any
  default     = []

  validation {
    condition     = length(var.cloudinit_post_nodeadm) == 0
    error_message = "The stand-in for eks-managed-node-group does not have cloudinit_post_nodeadm; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "launch_template_default_version" {
  description = "Not in the stand-in: only null is taken."
  type        = string
  default     = null

  validation {
    condition     = var.launch_template_default_version == null
    error_message = "The stand-in for eks-managed-node-group does not have launch_template_default_version; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "kernel_id" {
  description = "Not in the stand-in: only null is taken."
  type        = string
  default     = null

  validation {
    condition     = var.kernel_id == null
    error_message = "The stand-in for eks-managed-node-group does not have kernel_id; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "ram_disk_id" {
  description = "Not in the stand-in: only null is taken."
  type        = string
  default     = null

  validation {
    condition     = var.ram_disk_id == null
    error_message = "The stand-in for eks-managed-node-group does not have ram_disk_id; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "capacity_reservation_specification" {
  description = "Not in the stand-in: only {} is taken."
  type        = any
  default     = {}

  validation {
    condition     = length(var.capacity_reservation_specification) == 0
    error_message = "The stand-in for eks-managed-node-group does not have capacity_reservation_specification; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "cpu_options" {
  description = "Not in the stand-in: only {} is taken."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(var.cpu_options) == 0
    error_message = "The stand-in for eks-managed-node-group does not have cpu_options; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "credit_specification" {
  description = "Not in the stand-in: only {} is taken."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(var.credit_specification) == 0
    error_message = "The stand-in for eks-managed-node-group does not have credit_specification; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "elastic_gpu_specifications" {
  description = "Not in the stand-in: only {} is taken."
  type        = any
  default     = {}

  validation {
    condition     = length(var.elastic_gpu_specifications) == 0
    error_message = "The stand-in for eks-managed-node-group does not have elastic_gpu_specifications; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "elastic_inference_accelerator" {
  description = "Not in the stand-in: only {} is taken."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(var.elastic_inference_accelerator) == 0
    error_message = "The stand-in for eks-managed-node-group does not have elastic_inference_accelerator; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "enclave_options" {
  description = "Not in the stand-in: only {} is taken."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(var.enclave_options) == 0
    error_message = "The stand-in for eks-managed-node-group does not have enclave_options; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "instance_market_options" {
  description = "Not in the stand-in: only {} is taken."
  type        = any
  default     = {}

  validation {
    condition     = length(var.instance_market_options) == 0
    error_message = "The stand-in for eks-managed-node-group does not have instance_market_options; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "maintenance_options" {
  description = "Not in the stand-in: only {} is taken."
  type        = any
  default     = {}

  validation {
    condition     = length(var.maintenance_options) == 0
    error_message = "The stand-in for eks-managed-node-group does not have maintenance_options; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "license_specifications" {
  description = "Not in the stand-in: only {} is taken."
  type        = any
  default     = {}

  validation {
    condition     = length(var.license_specifications) == 0
    error_message = "The stand-in for eks-managed-node-group does not have license_specifications; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "enable_efa_support" {
  description = "Not in the stand-in: only false is taken."
  type        = bool
  default     = false

  validation {
    condition     = var.enable_efa_support == false
    error_message = "The stand-in for eks-managed-node-group does not have enable_efa_support; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "enable_efa_only" {
  description = "Not in the stand-in: only false is taken."
  type        = bool
  default     = false

  validation {
    condition     = var.enable_efa_only == false
    error_message = "The stand-in for eks-managed-node-group does not have enable_efa_only; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "network_interfaces" {
  description = "Not in the stand-in: only [] is taken."
  type        = list(any)
  default     = []

  validation {
    condition     = length(var.network_interfaces) == 0
    error_message = "The stand-in for eks-managed-node-group does not have network_interfaces; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "placement" {
  description = "Not in the stand-in: only {} is taken."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(var.placement) == 0
    error_message = "The stand-in for eks-managed-node-group does not have placement; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "create_placement_group" {
  description = "Not in the stand-in: only false is taken."
  type        = bool
  default     = false

  validation {
    condition     = var.create_placement_group == false
    error_message = "The stand-in for eks-managed-node-group does not have create_placement_group; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "private_dns_name_options" {
  description = "Not in the stand-in: only {} is taken."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(var.private_dns_name_options) == 0
    error_message = "The stand-in for eks-managed-node-group does not have private_dns_name_options; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "use_latest_ami_release_version" {
  description = "Not in the stand-in: only false is taken."
  type        = bool
  default     = false

  validation {
    condition     = var.use_latest_ami_release_version == false
    error_message = "The stand-in for eks-managed-node-group does not have use_latest_ami_release_version; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "cluster_ip_family" {
  description = "Not in the stand-in: only 'ipv4' is taken."
  type        = string
  default     = "ipv4"

  validation {
    condition     = var.cluster_ip_family == "ipv4"
    error_message = "The stand-in for eks-managed-node-group does not have cluster_ip_family; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "iam_role_policy_statements" {
  description = "Not in the stand-in: only [] is taken."
  type        = any
  default     = []

  validation {
    condition     = length(var.iam_role_policy_statements) == 0
    error_message = "The stand-in for eks-managed-node-group does not have iam_role_policy_statements; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "schedules" {
  description = "Not in the stand-in: only {} is taken."
  type        = map(any)
  default     = {}

  validation {
    condition     = length(var.schedules) == 0
    error_message = "The stand-in for eks-managed-node-group does not have schedules; leave it out, or mirror the module itself in [modules.mirror]."
  }
}
