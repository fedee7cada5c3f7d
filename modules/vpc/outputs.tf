output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "IPv4 range of the VPC."
  value       = aws_vpc.this.cidr_block
}

output "zones" {
  description = "Availability zones that have subnets."
  value       = local.zones
}

output "private_subnet_ids" {
  description = "Subnets without addresses of the internet, one for each zone."
  value       = [for zone in local.zones : aws_subnet.private[zone].id]
}

output "public_subnet_ids" {
  description = "Subnets with addresses of the internet, one for each zone."
  value       = [for zone in local.zones : aws_subnet.public[zone].id]
}

output "nat_public_ips" {
  description = "Addresses from which the private subnets reach the internet."
  value       = [for zone in local.nats : aws_eip.nat[zone].public_ip]
}
