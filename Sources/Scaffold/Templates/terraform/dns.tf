# The hosts of the apps and of their previews, all of them names of the one load balancer: nginx on the nodes tells them apart.

locals {
  # Of each host the zones that it is in, and the longest of their names.
  zone_names = {
    for host in local.hosts : host => [for name in keys(var.zones) : name if host == name || endswith(host, ".${name}")]
  }
  host_zones = {
    for host, names in local.zone_names : host => one([
      for name in names : name if length(name) == max(0, [for other in names : length(other)]...)
    ])
  }

  load_balancer = {
    dns_name = one(concat(aws_elb.nodes[*].dns_name, aws_lb.application[*].dns_name, aws_lb.network[*].dns_name))
    zone_id  = one(concat(data.aws_elb_hosted_zone_id.current[*].id, aws_lb.application[*].zone_id, aws_lb.network[*].zone_id))
  }
}

resource "aws_route53_record" "ipv4" {
  for_each = local.hosts

  zone_id = var.zones[local.host_zones[each.value]]
  name    = each.value
  type    = "A"

  alias {
    name                   = local.load_balancer.dns_name
    zone_id                = local.load_balancer.zone_id
    evaluate_target_health = false
  }

  lifecycle {
    precondition {
      condition     = local.host_zones[each.value] != null
      error_message = "No zone of var.zones is one for ${each.value}: add it, or a zone above it."
    }
  }
}

resource "aws_route53_record" "ipv6" {
  for_each = var.ipv6 ? local.hosts : []

  zone_id = var.zones[local.host_zones[each.value]]
  name    = each.value
  type    = "AAAA"

  alias {
    name                   = local.load_balancer.dns_name
    zone_id                = local.load_balancer.zone_id
    evaluate_target_health = false
  }
}
