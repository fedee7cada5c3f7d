variable "cluster_name" {
  description = "EKS cluster."
  type        = string
  nullable    = false
}

variable "names" {
  description = "Node groups to look at; with none, the names of all are listed."
  type        = list(string)
  default     = []
  nullable    = false
}
