# The application load balancer (var.load_balancer = "application"). It ends TLS and sends both of its ports to nginx as HTTP, with
# X-Forwarded-Proto and X-Forwarded-For; nginx redirects what came as HTTP. WebSockets pass.

resource "aws_lb" "application" {
  count = var.load_balancer == "application" ? 1 : 0

  name                       = var.name
  load_balancer_type         = "application"
  internal                   = var.internal
  subnets                    = var.subnet_ids
  security_groups            = [aws_security_group.load_balancer.id]
  ip_address_type            = var.ipv6 ? "dualstack" : "ipv4"
  idle_timeout               = var.idle_seconds
  drop_invalid_header_fields = true
}

resource "aws_lb_target_group" "application" {
  count = var.load_balancer == "application" ? 1 : 0

  name                 = "${var.name}-http"
  vpc_id               = var.vpc_id
  target_type          = "instance"
  protocol             = "HTTP"
  port                 = 80
  deregistration_delay = var.drain_seconds

  # nginx's own health, not an app's: an app that is down must not take the nodes away from the others.
  health_check {
    protocol            = "HTTP"
    port                = "traffic-port"
    path                = var.health_check_path
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_target_group_attachment" "application" {
  for_each = var.load_balancer == "application" ? local.node_ids : []

  target_group_arn = aws_lb_target_group.application[0].arn
  target_id        = each.value
}

resource "aws_lb_listener" "application_http" {
  count = var.load_balancer == "application" ? 1 : 0

  load_balancer_arn = aws_lb.application[0].arn
  protocol          = "HTTP"
  port              = 80

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.application[0].arn
  }
}

resource "aws_lb_listener" "application_https" {
  count = var.load_balancer == "application" ? 1 : 0

  load_balancer_arn = aws_lb.application[0].arn
  protocol          = "HTTPS"
  port              = 443
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.application[0].arn
  }
}
