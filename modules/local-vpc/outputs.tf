output "vpc_id" {
  description = "Id of the VPC."
  value       = "vpc-${substr(sha256(terraform_data.vpc.triggers_replace.name), 0, 17)}"
}

output "cidr" {
  description = "IPv4 range of the VPC."
  value       = terraform_data.vpc.triggers_replace.cidr
}

output "zones" {
  description = "Availability zones that have subnets."
  value       = terraform_data.vpc.output.zones
}

output "private_subnet_ids" {
  description = "Subnets without addresses of the internet, one for each zone."
  value       = [for zone in local.zones : terraform_data.subnet["private/${zone}"].output.id]
}

output "public_subnet_ids" {
  description = "Subnets with addresses of the internet, one for each zone."
  value       = [for zone in local.zones : terraform_data.subnet["public/${zone}"].output.id]
}

output "nat_public_ips" {
  description = "Addresses from which the private subnets reach the internet."
  value       = [for n, zone in local.nats : "192.0.2.${n + 1}"]
}
