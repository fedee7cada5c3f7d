variable "region" {
  description = "Region that it is said to be in; none is needed."
  type        = string
  default     = "local"
  nullable    = false
}

variable "cluster_name" {
  description = "Name of the cluster, 1 to 100 characters. Another one replaces the cluster."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$", var.cluster_name))
    error_message = "cluster_name has 1 to 100 letters, digits, '-' or '_', and begins with a letter or digit."
  }
}

variable "kubernetes_version" {
  description = "Kubernetes version, such as 1.33. When null, EKS takes its default. It goes up one minor version at a time."
  type        = string
  default     = null
}

variable "subnet_ids" {
  description = "Subnets of the control plane, in two availability zones at least."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids has at least 2 entries, in different availability zones."
  }
}

variable "endpoint_private_access" {
  description = "Whether the API server is reached from inside the VPC."
  type        = bool
  default     = true
  nullable    = false
}

variable "endpoint_public_access" {
  description = "Whether the API server is reached from the internet."
  type        = bool
  default     = true
  nullable    = false

  validation {
    condition     = var.endpoint_public_access || var.endpoint_private_access
    error_message = "Of endpoint_public_access and endpoint_private_access one at least is true."
  }
}

variable "public_access_cidrs" {
  description = "IPv4 ranges from which the public endpoint is reached. When null, from everywhere."
  type        = list(string)
  default     = null
}

variable "log_types" {
  description = "Logs that go to CloudWatch: api, audit, authenticator, controllerManager, scheduler."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for t in var.log_types : contains(["api", "audit", "authenticator", "controllerManager", "scheduler"], t)])
    error_message = "log_types has api, audit, authenticator, controllerManager, scheduler."
  }
}

variable "kms_key_arn" {
  description = "KMS key that encrypts Kubernetes secrets. When null, AWS's own. Another one replaces the cluster."
  type        = string
  default     = null
}

variable "access_entries" {
  description = "Who may do what in the cluster, by a name of your own: IAM principal, type, Kubernetes groups, and policies with their scope."
  type = map(object({
    principal_arn     = string
    type              = optional(string, "STANDARD")
    kubernetes_groups = optional(list(string), [])
    policies = optional(map(object({
      policy_arn = string
      namespaces = optional(list(string), [])
    })), {})
  }))
  default  = {}
  nullable = false
}

variable "addons" {
  description = "Add-ons by name, such as vpc-cni, coredns, kube-proxy: version (when null, EKS's default) and configuration as JSON."
  type = map(object({
    version       = optional(string)
    configuration = optional(string)
  }))
  default  = {}
  nullable = false
}

variable "create_creator_admin" {
  description = "Whether who creates the cluster becomes its administrator. Another value replaces the cluster."
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

variable "owner_tags" {
  description = "AWS tags that name the installation and the workspace these resources belong to. They win over tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "create_seconds" {
  description = "How long the creation takes, to try a client against a slow cloud."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.create_seconds >= 0
    error_message = "create_seconds is a number from 0."
  }
}

variable "fail_with" {
  description = "When not empty, the creation fails with this text."
  type        = string
  default     = ""
  nullable    = false
}
