terraform {
  required_version = ">= 1.3"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  region = "us-east-1"
}

variable "vpc_id" {
  type = string
}

variable "subnet_ids" {
  type        = list(string)
  description = "Public subnets for the load balancer."
}

variable "zone_id" {
  type        = string
  description = "The Route 53 zone that the hosts are in."
}

variable "certificate_arn" {
  type        = string
  description = "The load balancer's certificate."
}

# The instances that Viridian finds by the same tags (nodes.ec2 in viridian.yaml).
data "aws_instances" "nodes" {
  instance_tags = {
    "role" = "kubernetes-node"
  }
  instance_state_names = ["running"]
}

resource "aws_security_group" "load_balancer" {
  name_prefix = "viridian-elb-"
  vpc_id      = var.vpc_id

  ingress {
    from_port   = 80
    to_port     = 80
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }

  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

# Lets the load balancer reach nginx on the nodes, once this group is attached to them (see the output). Security groups only add:
# what other groups of the nodes allow, for example the NodePorts (30000-32767), stays allowed.
resource "aws_security_group" "nodes" {
  name_prefix = "viridian-nodes-"
  vpc_id      = var.vpc_id

  ingress {
    from_port       = 80
    to_port         = 80
    protocol        = "tcp"
    security_groups = [aws_security_group.load_balancer.id]
  }
}

output "node_security_group_id" {
  description = "Attach it to every node."
  value       = aws_security_group.nodes.id
}

resource "aws_elb" "kubernetes" {
  name                        = "kubernetes"
  subnets                     = var.subnet_ids
  security_groups             = [aws_security_group.load_balancer.id]
  instances                   = data.aws_instances.nodes.ids
  cross_zone_load_balancing   = true
  connection_draining         = true
  connection_draining_timeout = 60

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

  health_check {
    target              = "TCP:80"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

data "aws_elb_hosted_zone_id" "main" {}

resource "aws_route53_record" "hosts" {
  for_each = toset([
    "blog.domain.com",
    "preview.blog.domain.com",
    "www.domain.com",
    "domain.com",
    "preview.www.domain.com",
  ])

  zone_id = var.zone_id
  name    = each.value
  type    = "A"

  alias {
    name                   = aws_elb.kubernetes.dns_name
    zone_id                = data.aws_elb_hosted_zone_id.main.id
    evaluate_target_health = false
  }
}

# What Viridian calls in AWS, for the role or the user that it runs as.
data "aws_iam_policy_document" "viridian" {
  # The list of nodes. This action supports no resource-level permissions.
  statement {
    actions   = ["ec2:DescribeInstances"]
    resources = ["*"]
  }

  # Artifacts: nodes download them from presigned URLs, which carry this permission.
  statement {
    actions = ["s3:GetObject"]
    resources = [
      "arn:aws:s3:::domain-deploy/blog/*",
    ]
  }
}

resource "aws_iam_policy" "viridian" {
  name_prefix = "viridian-"
  policy      = data.aws_iam_policy_document.viridian.json
}

output "policy_arn" {
  description = "Attach it to the role or the user that Viridian runs as."
  value       = aws_iam_policy.viridian.arn
}
