variable "node_group_name" {
  type = string
}

variable "instance_types" {
  type = list(string)
}

variable "min_size" {
  type = number
}

variable "max_size" {
  type = number
}

variable "desired_size" {
  type = number
}

variable "labels" {
  type    = map(string)
  default = {}
}

variable "cloud" {
  description = "Folder that holds cloud.sh and what it makes."
  type        = string
}

variable "seconds" {
  description = "How long each creation and each destruction takes."
  type        = number
}

variable "word" {
  description = "An output of another workspace, where the trial has one."
  type        = string
  default     = ""
}

variable "salt" {
  description = "Of a secret, where the trial has one."
  type        = string
  default     = null
  sensitive   = true
}
