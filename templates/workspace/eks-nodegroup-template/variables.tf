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
