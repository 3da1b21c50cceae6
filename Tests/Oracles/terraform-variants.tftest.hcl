# The choices of the rendered Terraform module, planned and applied to a provider that makes nothing: what each makes of its input.

mock_provider "aws" {
  mock_data "aws_instances" {
    defaults = {
      ids = ["i-11111111", "i-22222222"]
    }
  }
  mock_data "aws_subnet" {
    defaults = {
      cidr_block = "10.0.3.0/24"
    }
  }
  mock_data "aws_partition" {
    defaults = {
      partition  = "aws-cn"
      dns_suffix = "amazonaws.com.cn"
    }
  }
  mock_data "aws_iam_policy_document" {
    defaults = {
      json = "{}"
    }
  }
  mock_resource "aws_lb" {
    defaults = {
      arn      = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/viridian/1"
      dns_name = "viridian-1.elb.amazonaws.com"
      zone_id  = "Z35SXDOTRQ7X7K"
    }
  }
  mock_resource "aws_lb_target_group" {
    defaults = {
      arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/viridian/1"
    }
  }
  mock_resource "aws_iam_policy" {
    defaults = {
      arn = "arn:aws:iam::123456789012:policy/viridian"
    }
  }
}

variables {
  vpc_id          = "vpc-1"
  subnet_ids      = ["subnet-1", "subnet-2"]
  certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1"
  zones           = { "domain.com" = "Z1", "blog.domain.com" = "Z2", "log.domain.com" = "Z3" }
}

run "application" {
  variables {
    load_balancer = "application"
    ipv6          = true
  }

  assert {
    condition     = aws_lb.application[0].load_balancer_type == "application" && aws_lb.application[0].ip_address_type == "dualstack"
    error_message = "an application load balancer with IPv6"
  }
  assert {
    condition     = tolist(output.load_balancer_networks) == tolist(["10.0.3.0/24", "10.0.3.0/24"])
    error_message = "it calls nginx from its subnets"
  }
  assert {
    condition     = length(aws_elb.nodes) == 0 && length(aws_lb.network) == 0
    error_message = "no other load balancer"
  }
  assert {
    condition     = aws_lb_target_group.application[0].health_check[0].path == "/nginx-health" && aws_lb_target_group.application[0].health_check[0].protocol == "HTTP"
    error_message = "the health check follows nginx"
  }
  assert {
    condition     = toset([for one in aws_lb_target_group_attachment.application : one.target_id]) == toset(["i-11111111", "i-22222222"])
    error_message = "every node is a target"
  }
  assert {
    condition     = aws_lb_listener.application_https[0].protocol == "HTTPS" && aws_lb_listener.application_https[0].certificate_arn == var.certificate_arn
    error_message = "TLS ends at the load balancer"
  }
  assert {
    condition     = keys(aws_route53_record.ipv4) == keys(aws_route53_record.ipv6)
    error_message = "an AAAA record for each A record"
  }
  assert {
    condition     = aws_route53_record.ipv6["blog.domain.com"].alias[0].name == aws_lb.application[0].dns_name
    error_message = "records are aliases of the load balancer"
  }
  assert {
    condition     = aws_route53_record.ipv4["preview.blog.domain.com"].zone_id == "Z2" && aws_route53_record.ipv4["domain.com"].zone_id == "Z1"
    error_message = "a record is in the zone with the longest name that fits"
  }
}

run "network" {
  variables {
    load_balancer    = "network"
    network_tls_port = 8081
  }

  assert {
    condition     = aws_lb.network[0].load_balancer_type == "network" && length(aws_lb.network[0].security_groups) == 1
    error_message = "a network load balancer with a security group"
  }
  assert {
    condition     = tolist(output.load_balancer_networks) == tolist(["127.0.0.1"])
    error_message = "nginx on the nodes itself says who the visitor is"
  }
  assert {
    condition     = { for name, one in aws_lb_target_group.network : name => "${one.protocol} ${one.port}" } == { http = "TCP 80", tls = "TCP 8081" }
    error_message = "what came by TLS has a port of its own"
  }
  assert {
    condition     = alltrue([for one in aws_lb_target_group.network : one.health_check[0].path == "/nginx-health" && one.health_check[0].port == "80"])
    error_message = "the health check follows nginx"
  }
  assert {
    condition     = length(aws_lb_target_group_attachment.network) == 4
    error_message = "every node is a target of both"
  }
  assert {
    condition     = aws_lb_listener.network_tls[0].protocol == "TLS" && aws_lb_listener.network_http[0].protocol == "TCP"
    error_message = "TLS ends at the load balancer"
  }
  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.from_load_balancer) == ["80", "8081"]
    error_message = "the nodes let the load balancer to both ports"
  }
  assert {
    condition     = length(aws_route53_record.ipv6) == 0
    error_message = "no AAAA records without IPv6"
  }
}

run "nothing_that_was_not_asked_for" {
  variables {
    create_node_role = false
  }

  assert {
    condition     = length(aws_iam_role.nodes) == 0 && output.node_instance_profile == null && length(aws_ec2_tag.nodes) == 0
    error_message = "no role, no tags"
  }
  assert {
    condition     = length(aws_network_interface_sg_attachment.nodes) == 0 && length(aws_vpc_security_group_ingress_rule.ssh) == 0
    error_message = "no security group is attached, and nobody gets to the nodes by SSH"
  }
}

run "a_host_without_a_zone" {
  command = plan
  variables {
    zones = { "blog.domain.com" = "Z2", "ain.com" = "Z9" }
  }
  expect_failures = [aws_route53_record.ipv4]
}

run "ipv6_with_a_classic_load_balancer" {
  command = plan
  variables {
    ipv6 = true
  }
  expect_failures = [aws_elb.nodes]
}

run "an_unknown_load_balancer" {
  command = plan
  variables {
    load_balancer = "gateway"
  }
  expect_failures = [var.load_balancer]
}

run "a_name_that_is_too_long" {
  command = plan
  variables {
    name = "a-name-of-twenty-seven-char"
  }
  expect_failures = [var.name]
}
