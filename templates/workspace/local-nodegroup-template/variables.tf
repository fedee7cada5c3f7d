variable "cluster_name" {
  description = "Cluster that the node group is said to belong to; none is needed."
  type        = string
  default     = "local"
  nullable    = false
}

variable "region" {
  description = "Region that the node group is said to be in; none is needed. Another one replaces the node group."
  type        = string
  default     = "local"
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

variable "subnet_ids" {
  description = "Subnets in which nodes would be started. Another list replaces the node group."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "node_role_arn" {
  description = "IAM role the nodes would have. Another one replaces the node group."
  type        = string
  default     = null
}

variable "ami_type" {
  description = "EKS AMI type, such as AL2023_x86_64_STANDARD. Another one replaces the node group."
  type        = string
  default     = null
}

variable "capacity_type" {
  description = "ON_DEMAND, SPOT or CAPACITY_BLOCK. Another one replaces the node group."
  type        = string
  default     = null
}

variable "disk_size" {
  description = "Disk of each node in GiB. Another size replaces the node group."
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
  description = "Tags of the node group."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "owner_tags" {
  description = "Tags that name the installation and the machine these resources belong to. They win over tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "update_config" {
  description = "How many nodes may be unavailable during an update, as a number or a percentage (each 1 to 100), not both."
  type = object({
    max_unavailable            = optional(number)
    max_unavailable_percentage = optional(number)
  })
  default = null
}

variable "create_seconds" {
  description = "How long the creation of the node group takes."
  type        = number
  default     = 0
  nullable    = false
}

variable "fail_with" {
  description = "When not empty, the creation of each node fails with this text."
  type        = string
  default     = ""
  nullable    = false
}
