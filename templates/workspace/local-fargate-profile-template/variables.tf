variable "region" {
  description = "Region that it is said to be in; none is needed."
  type        = string
  default     = "local"
  nullable    = false
}

variable "cluster_name" {
  description = "EKS cluster that the profile belongs to."
  type        = string
  nullable    = false
}

variable "profile_name" {
  description = "Name of the profile, unique in its cluster. Another one replaces it."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Private subnets in which pods are started. Others replace the profile."
  type        = list(string)
  nullable    = false
}

variable "selectors" {
  description = "Which pods run on Fargate, 1 to 5: a namespace, and labels that a pod must have. Others replace the profile."
  type = list(object({
    namespace = string
    labels    = optional(map(string), {})
  }))
  nullable = false
}

variable "pod_execution_role_arn" {
  description = "IAM role with which Fargate pulls images and writes logs. When null, a role is made for this profile."
  type        = string
  default     = null
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
}

variable "fail_with" {
  description = "When not empty, the creation fails with this text."
  type        = string
  default     = ""
  nullable    = false
}
