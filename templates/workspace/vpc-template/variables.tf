variable "region" {
  description = "AWS region."
  type        = string
  nullable    = false
}

variable "name" {
  description = "Name of the VPC, and the beginning of the names of all in it."
  type        = string
  nullable    = false
}

variable "cidr" {
  description = "IPv4 range of the VPC, from /16 to /24. Another one replaces the VPC."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false
}

variable "zones" {
  description = "Availability zones, 2 to 4; EKS asks for two at least. When null, the first two of the region."
  type        = list(string)
  default     = null
}

variable "nat_gateways" {
  description = "NAT gateways for the private subnets: none, single (one for all), or per_zone."
  type        = string
  default     = "single"
  nullable    = false
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
