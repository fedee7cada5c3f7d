variable "region" {
  description = "Region that it is said to be in; none is needed."
  type        = string
  default     = "local"
  nullable    = false
}

variable "name" {
  description = "Name of the VPC, and the beginning of the names of all in it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9A-Za-z][0-9A-Za-z_-]{0,62}$", var.name))
    error_message = "name has 1 to 63 letters, digits, '-' or '_', and begins with a letter or digit."
  }
}

variable "cidr" {
  description = "IPv4 range of the VPC, from /16 to /24. Another one replaces the VPC."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(tonumber(split("/", var.cidr)[1]), 0) >= 16 && try(tonumber(split("/", var.cidr)[1]), 99) <= 24
    error_message = "cidr is an IPv4 range from /16 to /24, such as 10.0.0.0/16."
  }
}

variable "zones" {
  description = "Availability zones, 2 to 4; EKS asks for two at least. When null, the first two of the region."
  type        = list(string)
  default     = null

  validation {
    condition     = var.zones == null ? true : length(var.zones) >= 2 && length(var.zones) <= 4
    error_message = "zones has 2 to 4 entries."
  }
}

variable "nat_gateways" {
  description = "NAT gateways for the private subnets: none, single (one for all), or per_zone."
  type        = string
  default     = "single"
  nullable    = false

  validation {
    condition     = contains(["none", "single", "per_zone"], var.nat_gateways)
    error_message = "nat_gateways is none, single or per_zone."
  }
}

variable "cluster_name" {
  description = "EKS cluster that the subnets are tagged for. When null, none."
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
