output "node_group_id" {
  value = terraform_data.group.output.name
}

output "status" {
  value = "ACTIVE"
}

output "current_size" {
  value = length(terraform_data.node)
}

output "word" {
  value = terraform_data.group.output.word
}

output "salt" {
  value = terraform_data.group.output.salt
}
