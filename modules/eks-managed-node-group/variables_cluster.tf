# What the cluster is, to which the nodes belong.

variable "cluster_name" {
  description = "EKS cluster that the node group belongs to."
  type        = string
  default     = null
}

variable "cluster_version" {
  description = "Kubernetes version of the nodes. When null, EKS takes the cluster's; an image of one's own has its own."
  type        = string
  default     = null
}

variable "cluster_endpoint" {
  description = "Address of the cluster's API. What user data of one's own tells the nodes."
  type        = string
  default     = ""
  nullable    = false
}

variable "cluster_auth_base64" {
  description = "Certificate of the cluster's API, in base64. What user data of one's own tells the nodes."
  type        = string
  default     = ""
  nullable    = false
}

variable "cluster_service_cidr" {
  description = "Addresses of the cluster's services. What user data of one's own tells the nodes; unlike in the original, needed for nothing else."
  type        = string
  default     = ""
  nullable    = false
}

variable "cluster_service_ipv4_cidr" {
  description = "The older name of cluster_service_cidr."
  type        = string
  default     = null
}

variable "cluster_ip_family" {
  description = "ipv4 or ipv6: which addresses pods have, and which policy of the CNI the role is given."
  type        = string
  default     = "ipv4"
  nullable    = false

  validation {
    condition     = contains(["ipv4", "ipv6"], var.cluster_ip_family)
    error_message = "cluster_ip_family is ipv4 or ipv6."
  }
}

variable "cluster_primary_security_group_id" {
  description = "Security group of the cluster, which EKS itself puts on its nodes only without a launch template."
  type        = string
  default     = null
}
