output "load_balancer_dns_name" {
  description = "The load balancer's own name; the hosts are aliases of it."
  value       = local.load_balancer.dns_name
}

output "hosts" {
  description = "The hosts, with the zones that their records are in."
  value       = local.host_zones
}

output "load_balancer_networks" {
  description = "For nodes.balancer in viridian.yaml: from here, and from nowhere else, nginx believes who the visitor is."
  value       = local.load_balancer_networks
}

output "node_instance_ids" {
  description = "The nodes behind the load balancer; `viridian nodes` shows the same machines."
  value       = local.node_ids
}

output "node_tags" {
  description = "For the launch template of new nodes: by these tags they are found."
  value       = var.node_tags
}

output "node_security_group_id" {
  description = "For the launch template of new nodes: lets the load balancer reach nginx."
  value       = aws_security_group.nodes.id
}

output "node_instance_profile" {
  description = "For the launch template of new nodes."
  value       = one(aws_iam_instance_profile.nodes[*].name)
}

output "viridian_policy_arn" {
  description = "For the role or the user that Viridian runs as."
  value       = aws_iam_policy.viridian.arn
}
