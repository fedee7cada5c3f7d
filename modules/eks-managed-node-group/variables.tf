# The inputs of the module that this one stands in for. A key that an object does not have is refused: it would do nothing.

variable "create" {
  description = "Whether anything is made."
  type        = bool
  default     = true
  nullable    = false
}

variable "tags" {
  description = "AWS tags of all that is made."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "name" {
  description = "Name of the node group, or what it begins with."
  type        = string
  default     = ""
  nullable    = false
}

variable "use_name_prefix" {
  description = "Whether 27 characters of Terraform's follow the name. Another name replaces the node group."
  type        = bool
  default     = true
  nullable    = false
}

variable "subnet_ids" {
  description = "Subnets in which the nodes are started. Another list replaces the node group."
  type        = list(string)
  default     = null
}

variable "min_size" {
  description = "Fewest nodes the group may have."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.min_size >= 0 && floor(var.min_size) == var.min_size
    error_message = "min_size is a whole number from 0."
  }
}

variable "max_size" {
  description = "Most nodes the group may have."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.max_size >= 1 && floor(var.max_size) == var.max_size
    error_message = "max_size is a whole number from 1."
  }
}

variable "desired_size" {
  description = "Nodes the group is to have, from min_size to max_size. Unlike in the original, a change of it is applied."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.desired_size >= 0 && floor(var.desired_size) == var.desired_size
    error_message = "desired_size is a whole number from 0."
  }
}

variable "instance_types" {
  description = "EC2 instance types, at most 20. When null, EKS takes t3.medium. Another list replaces the node group."
  type        = list(string)
  default     = null

  validation {
    condition     = length(coalesce(var.instance_types, [])) <= 20
    error_message = "instance_types has at most 20 entries."
  }
}

variable "capacity_type" {
  description = "ON_DEMAND, SPOT or CAPACITY_BLOCK. Another one replaces the node group."
  type        = string
  default     = "ON_DEMAND"
  nullable    = false
}

variable "ami_type" {
  description = "EKS AMI type, such as AL2023_x86_64_STANDARD. When null, EKS chooses. Beside ami_id it says only what user data the image takes. Another one replaces the node group."
  type        = string
  default     = null
}

variable "ami_id" {
  description = "An image of one's own; beside launch_template_id, that there is one in it. When empty, one of AWS's."
  type        = string
  default     = ""
  nullable    = false
}

variable "ami_release_version" {
  description = "Release of the AMI. When null, EKS takes the newest at the first time."
  type        = string
  default     = null
}

variable "use_latest_ami_release_version" {
  description = "Whether each plan takes the newest release of ami_type for cluster_version."
  type        = bool
  default     = false
  nullable    = false
}

variable "disk_size" {
  description = "Disk of each node in GiB, where no launch template is used. Another size replaces the node group."
  type        = number
  default     = null
}

variable "labels" {
  description = "Kubernetes labels of the nodes."
  type        = map(string)
  default     = null
}

variable "taints" {
  description = "Kubernetes taints of the nodes, at most 50, by any name: key, value and effect (NO_SCHEDULE, NO_EXECUTE or PREFER_NO_SCHEDULE)."
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = length(var.taints) <= 50
    error_message = "taints has at most 50 entries."
  }

  validation {
    condition     = alltrue([for taint in var.taints : length(setsubtract(keys(taint), ["key", "value", "effect"])) == 0])
    error_message = "Each of taints has no keys but key, value and effect."
  }

  validation {
    condition     = alltrue([for taint in var.taints : can(taint.key) && contains(["NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"], try(taint.effect, ""))])
    error_message = "Each taint has a key, and an effect of NO_SCHEDULE, NO_EXECUTE or PREFER_NO_SCHEDULE."
  }
}

variable "force_update_version" {
  description = "Whether an update goes on where pods cannot be moved off their nodes."
  type        = bool
  default     = null
}

variable "update_config" {
  description = "How many nodes may be unavailable during an update: max_unavailable or max_unavailable_percentage, each 1 to 100."
  type        = map(string)
  default = {
    max_unavailable_percentage = 33
  }
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.update_config), ["max_unavailable", "max_unavailable_percentage"])) == 0
    error_message = "update_config has no keys but max_unavailable and max_unavailable_percentage."
  }

  validation {
    condition     = length([for limit in values(var.update_config) : limit if limit != null]) == min(1, length(var.update_config))
    error_message = "update_config has exactly one of max_unavailable and max_unavailable_percentage."
  }
}

variable "node_repair_config" {
  description = "Whether EKS replaces nodes that are not healthy. When null, it does not."
  type        = object({ enabled = optional(bool, true) })
  default     = null
}

variable "remote_access" {
  description = "Access by SSH, where no launch template is used: ec2_ssh_key, and source_security_group_ids, without which the port is open to the world."
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.remote_access), ["ec2_ssh_key", "source_security_group_ids"])) == 0
    error_message = "remote_access has no keys but ec2_ssh_key and source_security_group_ids."
  }
}

variable "timeouts" {
  description = "How long Terraform waits for EKS, such as 90m: create, update and delete. 60 minutes each where nothing is said."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.timeouts), ["create", "update", "delete"])) == 0
    error_message = "timeouts has no keys but create, update and delete."
  }
}

variable "create_schedule" {
  description = "Whether schedules are made."
  type        = bool
  default     = true
  nullable    = false
}

variable "schedules" {
  description = "Scheduled sizes of the Auto Scaling group, by name: min_size, max_size, desired_size, recurrence (a cron line), start_time, end_time, time_zone. The next apply sets the declared sizes again."
  type        = map(any)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for schedule in var.schedules : length(setsubtract(keys(schedule), ["min_size", "max_size", "desired_size", "recurrence", "start_time", "end_time", "time_zone"])) == 0])
    error_message = "Each of schedules has no keys but min_size, max_size, desired_size, recurrence, start_time, end_time and time_zone."
  }
}
