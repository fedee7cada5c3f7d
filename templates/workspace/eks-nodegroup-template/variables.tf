variable "cluster_name" {
  description = "EKS cluster that the node group belongs to."
  type        = string
  nullable    = false
}

variable "region" {
  description = "AWS region of the cluster. A part of the node role's name, which is unique in an account and not in a region."
  type        = string
  nullable    = false
}

variable "node_group_name" {
  description = "Name of the node group, unique in its cluster."
  type        = string
  nullable    = false
}

variable "instance_types" {
  description = "EC2 instance types, at most 20. Another list replaces the node group."
  type        = list(string)
  nullable    = false
}

variable "min_size" {
  description = "Fewest nodes the group may have."
  type        = number
  nullable    = false
}

variable "max_size" {
  description = "Most nodes the group may have."
  type        = number
  nullable    = false
}

variable "desired_size" {
  description = "Nodes the group is to have, from min_size to max_size."
  type        = number
  nullable    = false
}

variable "scaling_owner" {
  description = "Who says how many nodes there are between min_size and max_size: captd (desired_size), or an autoscaler."
  type        = string
  default     = "captd"
  nullable    = false
}

variable "count_instances" {
  description = "Whether the nodes that run are counted; without ec2:DescribeInstances they cannot be, and current_size is null."
  type        = bool
  default     = true
  nullable    = false
}

variable "subnet_ids" {
  description = "Subnets in which the nodes are started. Another list replaces the node group."
  type        = list(string)
  nullable    = false
}

variable "node_role_arn" {
  description = "IAM role of the nodes. When null, a role is made for this node group."
  type        = string
  default     = null
}

variable "ami_type" {
  description = "EKS AMI type, such as AL2023_x86_64_STANDARD. When null, EKS chooses. Another one replaces the node group."
  type        = string
  default     = null
}

variable "capacity_type" {
  description = "ON_DEMAND, SPOT or CAPACITY_BLOCK. When null, EKS takes ON_DEMAND. Another one replaces the node group."
  type        = string
  default     = null
}

variable "disk_size" {
  description = "Disk of each node in GiB. When null, EKS takes 20 (50 for Windows). Another size replaces the node group."
  type        = number
  default     = null
}

variable "labels" {
  description = "Kubernetes labels of the nodes."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "taints" {
  description = "Kubernetes taints of the nodes, at most 50; effect is NO_SCHEDULE, NO_EXECUTE or PREFER_NO_SCHEDULE."
  type = list(object({
    key    = string
    value  = optional(string)
    effect = string
  }))
  default  = []
  nullable = false
}

variable "tags" {
  description = "AWS tags of the node group and of its role."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "owner_tags" {
  description = "AWS tags that name the installation and the machine these resources belong to. They win over tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "update_config" {
  description = "How many nodes may be unavailable during an update, as a number or a percentage (each 1 to 100), not both. When null, EKS takes one node."
  type = object({
    max_unavailable            = optional(number)
    max_unavailable_percentage = optional(number)
  })
  default = null
}

variable "kubernetes_version" {
  description = "Kubernetes version of the nodes. When null, EKS takes the cluster's."
  type        = string
  default     = null
}

variable "release_version" {
  description = "Release of the AMI. When null, EKS takes the newest."
  type        = string
  default     = null
}

variable "force_update_version" {
  description = "Whether an update of the version goes on where pods cannot be moved off their nodes."
  type        = bool
  default     = null
}

variable "launch_template" {
  description = "Launch template of the nodes: id or name, and the number of a version. Another template replaces the node group, another version does not."
  type = object({
    id      = optional(string)
    name    = optional(string)
    version = string
  })
  default = null
}

variable "remote_access" {
  description = "EC2 key pair for SSH, and the security groups from which the port can be reached; with none it is open to the world. Another value replaces the node group."
  type = object({
    ec2_ssh_key               = string
    source_security_group_ids = optional(list(string), [])
  })
  default = null
}

variable "node_repair_config" {
  description = "Whether EKS replaces nodes that are not healthy. When null, it does not."
  type        = object({ enabled = bool })
  default     = null
}

variable "timeouts" {
  description = "How long Terraform waits for EKS, such as 90m. When null, 60 minutes each."
  type = object({
    create = optional(string)
    update = optional(string)
    delete = optional(string)
  })
  default = null
}

variable "captd_destroying" {
  description = "Whether what was made is to go: then nothing is asked for that may be gone already. captd sets it."
  type        = bool
  default     = false
}
