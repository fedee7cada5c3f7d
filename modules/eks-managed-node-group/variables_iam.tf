# The role of the nodes.

variable "create_iam_role" {
  description = "Whether a role is made."
  type        = bool
  default     = true
  nullable    = false
}

variable "iam_role_arn" {
  description = "IAM role of the nodes, where none is made."
  type        = string
  default     = null
}

variable "iam_role_name" {
  description = "Name of the role, or what it begins with. When null, <name>-eks-node-group, shortened to fit."
  type        = string
  default     = null
}

variable "iam_role_use_name_prefix" {
  description = "Whether 27 characters of Terraform's follow the name of the role."
  type        = bool
  default     = true
  nullable    = false
}

variable "iam_role_path" {
  description = "IAM path of the role."
  type        = string
  default     = null
}

variable "iam_role_description" {
  description = "Description of the role."
  type        = string
  default     = null
}

variable "iam_role_permissions_boundary" {
  description = "ARN of the policy that bounds the role."
  type        = string
  default     = null
}

variable "iam_role_attach_cni_policy" {
  description = "Whether the role is given what the VPC CNI needs."
  type        = bool
  default     = true
  nullable    = false
}

variable "iam_role_additional_policies" {
  description = "ARNs of further policies of the role, by any name."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "iam_role_tags" {
  description = "Further AWS tags of the role."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "create_iam_role_policy" {
  description = "Whether iam_role_policy_statements become a policy of the role."
  type        = bool
  default     = true
  nullable    = false
}

variable "iam_role_policy_statements" {
  description = "Statements of a policy of the role: sid, effect, actions, not_actions, resources, not_resources, and conditions (test, variable, values)."
  type        = any
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for statement in var.iam_role_policy_statements : length(setsubtract(keys(statement), ["sid", "effect", "actions", "not_actions", "resources", "not_resources", "conditions"])) == 0])
    error_message = "Each of iam_role_policy_statements has no keys but sid, effect, actions, not_actions, resources, not_resources and conditions; the policy of a role has no principals."
  }

  validation {
    condition     = alltrue(flatten([for statement in var.iam_role_policy_statements : [for it in try(statement.conditions, []) : length(setsubtract(keys(it), ["test", "variable", "values"])) == 0]]))
    error_message = "Each of the conditions in iam_role_policy_statements has no keys but test, variable and values."
  }
}
