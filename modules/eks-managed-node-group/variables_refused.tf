# Inputs of the module that the stand-in does not act on: it takes no value of them but the default.

variable "enable_efa_support" {
  description = "Not in the stand-in: only its default is taken."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.enable_efa_support
    error_message = "The stand-in for eks-managed-node-group does not have enable_efa_support; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "enable_efa_only" {
  description = "Not in the stand-in: only its default is taken."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.enable_efa_only
    error_message = "The stand-in for eks-managed-node-group does not have enable_efa_only; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "efa_indices" {
  description = "Not in the stand-in: only its default is taken."
  type        = list(number)
  default     = [0]
  nullable    = false

  validation {
    condition     = var.efa_indices == tolist([0])
    error_message = "The stand-in for eks-managed-node-group does not have efa_indices; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "create_placement_group" {
  description = "Not in the stand-in: only its default is taken."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.create_placement_group
    error_message = "The stand-in for eks-managed-node-group does not have create_placement_group; name one that exists in placement.group_name, or mirror the module itself in [modules.mirror]."
  }
}

variable "placement_group_strategy" {
  description = "Not in the stand-in: only its default is taken."
  type        = string
  default     = "cluster"
  nullable    = false

  validation {
    condition     = var.placement_group_strategy == "cluster"
    error_message = "The stand-in for eks-managed-node-group does not have placement_group_strategy; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "placement_group_az" {
  description = "Not in the stand-in: only its default is taken."
  type        = string
  default     = null

  validation {
    condition     = var.placement_group_az == null
    error_message = "The stand-in for eks-managed-node-group does not have placement_group_az; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "user_data_template_path" {
  description = "Not in the stand-in: only its default is taken."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.user_data_template_path == ""
    error_message = "The stand-in for eks-managed-node-group does not have user_data_template_path; leave it out, or mirror the module itself in [modules.mirror]."
  }
}

variable "elastic_gpu_specifications" {
  description = "Not in the stand-in: only its default is taken."
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = length(var.elastic_gpu_specifications) == 0
    error_message = "The stand-in for eks-managed-node-group does not have elastic_gpu_specifications; AWS has ended Elastic Graphics: leave it out."
  }
}

variable "elastic_inference_accelerator" {
  description = "Not in the stand-in: only its default is taken."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(var.elastic_inference_accelerator) == 0
    error_message = "The stand-in for eks-managed-node-group does not have elastic_inference_accelerator; AWS has ended Elastic Inference: leave it out."
  }
}
