# The classic load balancer (var.load_balancer = "classic"). It ends TLS and sends both of its ports to nginx as HTTP, with
# X-Forwarded-Proto and X-Forwarded-For; nginx redirects what came as HTTP. Its HTTP listeners pass no WebSockets on.

resource "aws_elb" "nodes" {
  count = var.load_balancer == "classic" ? 1 : 0

  name                        = var.name
  internal                    = var.internal
  subnets                     = var.subnet_ids
  security_groups             = [aws_security_group.load_balancer.id]
  instances                   = local.node_ids
  cross_zone_load_balancing   = true
  idle_timeout                = var.idle_seconds
  connection_draining         = true
  connection_draining_timeout = var.drain_seconds

  listener {
    lb_port           = 80
    lb_protocol       = "http"
    instance_port     = 80
    instance_protocol = "http"
  }

  listener {
    lb_port            = 443
    lb_protocol        = "https"
    instance_port      = 80
    instance_protocol  = "http"
    ssl_certificate_id = var.certificate_arn
  }

  # nginx's own health, not an app's: an app that is down must not take the nodes away from the others.
  health_check {
    target              = "HTTP:80${var.health_check_path}"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }

  lifecycle {
    precondition {
      condition     = !var.ipv6
      error_message = "A classic load balancer has no IPv6 in a VPC: set ipv6 = false, or choose application or network."
    }
  }
}

# TLS 1.2; what a classic load balancer takes by default begins at TLS 1.0.
resource "aws_load_balancer_policy" "tls" {
  count = var.load_balancer == "classic" ? 1 : 0

  load_balancer_name = aws_elb.nodes[0].name
  policy_name        = "tls-1-2"
  policy_type_name   = "SSLNegotiationPolicyType"

  policy_attribute {
    name  = "Reference-Security-Policy"
    value = "ELBSecurityPolicy-TLS-1-2-2017-01"
  }
}

resource "aws_load_balancer_listener_policy" "https" {
  count = var.load_balancer == "classic" ? 1 : 0

  load_balancer_name = aws_elb.nodes[0].name
  load_balancer_port = 443
  policy_names       = [aws_load_balancer_policy.tls[0].policy_name]
}

data "aws_elb_hosted_zone_id" "current" {
  count = var.load_balancer == "classic" ? 1 : 0
}
