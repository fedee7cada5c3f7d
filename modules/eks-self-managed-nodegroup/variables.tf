variable "cluster_name" {
  description = "EKS cluster that the node group belongs to."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$", var.cluster_name))
    error_message = "cluster_name has 1 to 100 letters, digits, '-' or '_', and begins with a letter or digit."
  }
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

  validation {
    condition     = can(regex("^[0-9A-Za-z][0-9A-Za-z_-]{0,62}$", var.node_group_name))
    error_message = "node_group_name has 1 to 63 letters, digits, '-' or '_', and begins with a letter or digit."
  }
}

variable "instance_types" {
  description = "EC2 instance types, 1 to 20, of one architecture. Another list is rolled out over the nodes."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.instance_types) >= 1 && length(var.instance_types) <= 20
    error_message = "instance_types has 1 to 20 entries."
  }
}

variable "min_size" {
  description = "Fewest nodes the group may have."
  type        = number
  nullable    = false

  validation {
    condition     = var.min_size >= 0 && floor(var.min_size) == var.min_size
    error_message = "min_size is a whole number from 0."
  }
}

variable "max_size" {
  description = "Most nodes the group may have."
  type        = number
  nullable    = false

  validation {
    condition     = var.max_size >= 1 && floor(var.max_size) == var.max_size
    error_message = "max_size is a whole number from 1."
  }
}

variable "desired_size" {
  description = "Nodes the group is to have, from min_size to max_size."
  type        = number
  nullable    = false

  validation {
    condition     = var.desired_size >= 0 && floor(var.desired_size) == var.desired_size
    error_message = "desired_size is a whole number from 0."
  }
}

variable "scaling_owner" {
  description = "Who says how many nodes there are between min_size and max_size: captd (desired_size), or an autoscaler."
  type        = string
  default     = "captd"
  nullable    = false

  validation {
    condition     = contains(["captd", "autoscaler"], var.scaling_owner)
    error_message = "scaling_owner is captd or autoscaler."
  }
}

variable "subnet_ids" {
  description = "Subnets in which the nodes are started."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 1
    error_message = "subnet_ids has at least one entry."
  }
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

  validation {
    condition     = contains(["AL2023_x86_64_STANDARD", "AL2023_ARM_64_STANDARD"], var.ami_type)
    error_message = "ami_type is AL2023_x86_64_STANDARD or AL2023_ARM_64_STANDARD: other images do not join by nodeadm."
  }
}

variable "ami_id" {
  description = "Image of the nodes; it must join by nodeadm. When null, the newest of ami_type and kubernetes_version."
  type        = string
  default     = null

  validation {
    condition     = var.ami_id == null ? true : startswith(var.ami_id, "ami-")
    error_message = "ami_id is an id of an image, such as ami-0a1b2c3d."
  }
}

variable "capacity_type" {
  description = "ON_DEMAND or SPOT."
  type        = string
  default     = "ON_DEMAND"
  nullable    = false

  validation {
    condition     = contains(["ON_DEMAND", "SPOT"], var.capacity_type)
    error_message = "capacity_type is ON_DEMAND or SPOT."
  }
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

  validation {
    condition     = length(var.taints) <= 50
    error_message = "taints has at most 50 entries."
  }

  validation {
    condition     = alltrue([for t in var.taints : contains(["NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"], t.effect)])
    error_message = "The effect of a taint is NO_SCHEDULE, NO_EXECUTE or PREFER_NO_SCHEDULE."
  }
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

  validation {
    condition     = var.update_config == null ? true : var.update_config.max_unavailable == null
    error_message = "An Auto Scaling group takes max_unavailable_percentage, and no max_unavailable."
  }
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
