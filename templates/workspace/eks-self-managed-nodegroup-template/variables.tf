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
  description = "EC2 instance types, 1 to 20, of one architecture. Another list is rolled out over the nodes."
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

variable "subnet_ids" {
  description = "Subnets in which the nodes are started."
  type        = list(string)
  nullable    = false
}

variable "node_role_arn" {
  description = "IAM role of the nodes. When null, a role is made for this node group."
  type        = string
  default     = null
}

variable "ami_type" {
  description = "AL2023_x86_64_STANDARD or AL2023_ARM_64_STANDARD: whose newest image the nodes take, when ami_id names none."
  type        = string
  default     = "AL2023_x86_64_STANDARD"
  nullable    = false
}

variable "ami_id" {
  description = "Image of the nodes; it must join by nodeadm. When null, the newest of ami_type and kubernetes_version."
  type        = string
  default     = null
}

variable "capacity_type" {
  description = "ON_DEMAND or SPOT."
  type        = string
  default     = "ON_DEMAND"
  nullable    = false
}

variable "disk_size" {
  description = "Disk of each node in GiB, gp3 and encrypted. When null, 20. Another size is rolled out over the nodes."
  type        = number
  default     = null
}

variable "security_group_ids" {
  description = "Security groups of the nodes, besides the cluster's own."
  type        = list(string)
  default     = []
  nullable    = false
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
  description = "AWS tags of all that is made, the instances and their volumes included."
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
  description = "Which percentage of the nodes (1 to 100) may be unavailable while a change is rolled out. When null, 10."
  type        = object({ max_unavailable_percentage = optional(number), max_unavailable = optional(number) })
  default     = null
}

variable "kubernetes_version" {
  description = "Kubernetes version whose image the nodes take, such as 1.33. When null, the cluster's."
  type        = string
  default     = null
}

variable "captd_destroying" {
  description = "Whether what was made is to go: then nothing is asked for that may be gone already. captd sets it."
  type        = bool
  default     = false
}
