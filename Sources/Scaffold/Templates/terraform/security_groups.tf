# Visitors reach the load balancer, and only the load balancer reaches nginx. Security groups only add up: what other groups of the nodes
# allow stays allowed. So see to it that none of them opens the NodePorts (30000-32767) to anyone outside: they lead past nginx to a
# colour of an app, live or not, without TLS. Nothing needs them from outside; nginx uses them on 127.0.0.1.

resource "aws_security_group" "load_balancer" {
  name_prefix = "${var.name}-lb-"
  description = "Visitors to the load balancer"
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "visitors_ipv4" {
  for_each = toset(["80", "443"])

  security_group_id = aws_security_group.load_balancer.id
  description       = "Visitors"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_ingress_rule" "visitors_ipv6" {
  for_each = toset(["80", "443"])

  security_group_id = aws_security_group.load_balancer.id
  description       = "Visitors"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
  cidr_ipv6         = "::/0"
}

resource "aws_vpc_security_group_egress_rule" "to_nginx" {
  for_each = local.node_ports

  security_group_id            = aws_security_group.load_balancer.id
  description                  = "nginx on the nodes, requests and health checks"
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
  referenced_security_group_id = aws_security_group.nodes.id
}

resource "aws_security_group" "nodes" {
  name_prefix = "${var.name}-nodes-"
  description = "The load balancer to nginx on the nodes"
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "from_load_balancer" {
  for_each = local.node_ports

  security_group_id            = aws_security_group.nodes.id
  description                  = "nginx, from the load balancer"
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
  referenced_security_group_id = aws_security_group.load_balancer.id
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  for_each = var.viridian_security_group_ids

  security_group_id            = aws_security_group.nodes.id
  description                  = "SSH, from Viridian"
  ip_protocol                  = "tcp"
  from_port                    = var.ssh_port
  to_port                      = var.ssh_port
  referenced_security_group_id = each.value
}

# Images, artifacts, the Kubernetes API.
resource "aws_vpc_security_group_egress_rule" "nodes_ipv4" {
  security_group_id = aws_security_group.nodes.id
  description       = "Images, artifacts, the Kubernetes API"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_egress_rule" "nodes_ipv6" {
  security_group_id = aws_security_group.nodes.id
  description       = "Images, artifacts, the Kubernetes API"
  ip_protocol       = "-1"
  cidr_ipv6         = "::/0"
}
