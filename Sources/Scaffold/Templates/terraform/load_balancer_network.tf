# The network load balancer (var.load_balancer = "network"). It ends TLS and passes connections on with the visitor's address, but it
# adds no header: nginx would not know who came by TLS. So that traffic goes to a port of its own (var.network_tls_port), for which
# nginx on the nodes needs nginx-network.conf, which lies beside this file.

resource "aws_lb" "network" {
  count = var.load_balancer == "network" ? 1 : 0

  name                             = var.name
  load_balancer_type               = "network"
  internal                         = var.internal
  subnets                          = var.subnet_ids
  security_groups                  = [aws_security_group.load_balancer.id]
  ip_address_type                  = var.ipv6 ? "dualstack" : "ipv4"
  enable_cross_zone_load_balancing = true
}

locals {
  network_target_groups = var.load_balancer == "network" ? { http = 80, tls = var.network_tls_port } : {}
}

resource "aws_lb_target_group" "network" {
  for_each = local.network_target_groups

  name                 = "${var.name}-${each.key}"
  vpc_id               = var.vpc_id
  target_type          = "instance"
  protocol             = "TCP"
  port                 = each.value
  preserve_client_ip   = "true"
  deregistration_delay = var.drain_seconds

  # nginx's own health, not an app's: an app that is down must not take the nodes away from the others.
  health_check {
    protocol            = "HTTP"
    port                = "80"
    path                = var.health_check_path
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_target_group_attachment" "network" {
  for_each = {
    for pair in setproduct(keys(local.network_target_groups), local.node_ids) : join(" ", pair) => { group = pair[0], id = pair[1] }
  }

  target_group_arn = aws_lb_target_group.network[each.value.group].arn
  target_id        = each.value.id
}

resource "aws_lb_listener" "network_http" {
  count = var.load_balancer == "network" ? 1 : 0

  load_balancer_arn = aws_lb.network[0].arn
  protocol          = "TCP"
  port              = 80

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.network["http"].arn
  }
}

resource "aws_lb_listener" "network_tls" {
  count = var.load_balancer == "network" ? 1 : 0

  load_balancer_arn = aws_lb.network[0].arn
  protocol          = "TLS"
  port              = 443
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.network["tls"].arn
  }
}
