output "names" {
  description = "Names of all node groups of the cluster, where none was asked for."
  value       = sort(flatten([for all in data.aws_eks_node_groups.all : tolist(all.names)]))
}
