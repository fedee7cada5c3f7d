# What the nodes are told at their start.

variable "platform" {
  description = "What the image takes as user data, where ami_type does not say it: linux (Amazon Linux 2), al2023, bottlerocket or windows."
  type        = string
  default     = "linux"
  nullable    = false

  validation {
    condition     = contains(["linux", "al2023", "bottlerocket", "windows"], var.platform)
    error_message = "platform is linux, al2023, bottlerocket or windows."
  }
}

variable "enable_bootstrap_user_data" {
  description = "Whether the user data tells an image of one's own how a node joins."
  type        = bool
  default     = false
  nullable    = false
}

variable "pre_bootstrap_user_data" {
  description = "Shell script before a node joins (linux)."
  type        = string
  default     = ""
  nullable    = false
}

variable "post_bootstrap_user_data" {
  description = "Shell script after a node has joined (linux, with enable_bootstrap_user_data)."
  type        = string
  default     = ""
  nullable    = false
}

variable "bootstrap_extra_args" {
  description = "Further arguments of bootstrap.sh (linux, with enable_bootstrap_user_data), or further settings in TOML (bottlerocket)."
  type        = string
  default     = ""
  nullable    = false
}

variable "cloudinit_pre_nodeadm" {
  description = "Parts of the user data before that of nodeadm (al2023); content_type is text/plain where nothing is said."
  type = list(object({
    content      = string
    content_type = optional(string)
    filename     = optional(string)
    merge_type   = optional(string)
  }))
  default  = []
  nullable = false
}

variable "cloudinit_post_nodeadm" {
  description = "Parts of the user data after that of nodeadm (al2023, with enable_bootstrap_user_data)."
  type = list(object({
    content      = string
    content_type = optional(string)
    filename     = optional(string)
    merge_type   = optional(string)
  }))
  default  = []
  nullable = false
}
