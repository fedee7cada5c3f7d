output "vpc_id" {
  description = "Id of the VPC."
  value       = module.vpc.vpc_id
}

output "cidr" {
  description = "IPv4 range of the VPC."
  value       = module.vpc.cidr
}

output "zones" {
  description = "Availability zones that have subnets."
  value       = module.vpc.zones
}

output "private_subnet_ids" {
  description = "Subnets without addresses of the internet, one for each zone."
  value       = module.vpc.private_subnet_ids
}

output "public_subnet_ids" {
  description = "Subnets with addresses of the internet, one for each zone."
  value       = module.vpc.public_subnet_ids
}

output "nat_public_ips" {
  description = "Addresses from which the private subnets reach the internet."
  value       = module.vpc.nat_public_ips
}
