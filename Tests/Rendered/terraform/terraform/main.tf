# The way of visitors to the apps: Route 53 -> load balancer -> nginx on the nodes -> NodePorts. Written by `viridian render terraform`
# for whoever runs Terraform; applied with `terraform init && terraform apply` in this folder (README.md has the steps). Written once:
# from then on it is yours. Viridian never changes what is here: releases move traffic between colours inside nginx.
#
# Checked, in the tests of Viridian: Terraform 1.11 and the AWS provider 5.100 format, validate and plan this module, with a classic,
# an application and a network load balancer. The module with the classic one is applied to moto (a server that answers as AWS's API
# does), read back through that API, and planned a second time without a difference. It has not been applied to AWS itself.

locals {
  # The apps' hosts and the hosts of their previews.
  hosts = toset([
    "blog.domain.com",
    "preview.blog.domain.com",
    "www.domain.com",
    "domain.com",
    "preview.www.domain.com",
  ])

  # Where nginx listens on the nodes. A network load balancer says nothing of how a visitor came, so what came by TLS goes to a port of
  # its own (README.md, "A network load balancer").
  node_ports = var.load_balancer == "network" ? toset(["80", tostring(var.network_tls_port)]) : toset(["80"])
}

# From where nginx is told who the visitor is: an application or a classic load balancer calls it from its subnets. Behind a network load
# balancer nginx sees the visitor itself, and is told by nginx-network.conf on its own machine.
data "aws_subnet" "load_balancer" {
  count = length(var.subnet_ids)

  id = var.subnet_ids[count.index]
}

locals {
  load_balancer_networks = var.load_balancer == "network" ? ["127.0.0.1"] : sort(data.aws_subnet.load_balancer[*].cidr_block)
}

data "aws_partition" "current" {}
