variable "region" {
  type        = string
  default     = "us-east-1"
  description = "The nodes' region, as in viridian.yaml (nodes.ec2.region)."
}

variable "node_tags" {
  type = map(string)
  default = {
    "role" = "kubernetes-node"
  }
  description = "Tags by which Viridian and this module find the nodes, as in viridian.yaml (nodes.ec2.tags). Every node needs all of them."
}

variable "name" {
  type        = string
  default     = "viridian"
  description = "What the load balancer is called, and what other names begin with."

  validation {
    condition     = can(regex("^[a-zA-Z0-9]([a-zA-Z0-9-]{0,24}[a-zA-Z0-9])?$", var.name))
    error_message = "1 to 26 letters, digits and hyphens, with no hyphen at either end: a load balancer's name ends after 32 characters."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of everything that this module makes."
}

# Network

variable "vpc_id" {
  type        = string
  description = "The VPC of the nodes."
}

variable "subnet_ids" {
  type        = list(string)
  description = "Subnets for the load balancer, one in each availability zone: public ones, unless it is internal."
}

variable "internal" {
  type        = bool
  default     = false
  description = "Whether the load balancer is reachable from inside the VPC only."
}

variable "ipv6" {
  type        = bool
  default     = false
  description = "Addresses of both kinds, and AAAA records. The subnets need IPv6; a classic load balancer cannot have it."
}

# Load balancer

variable "load_balancer" {
  type        = string
  default     = "classic"
  description = "classic (as ELB was in 2015; no WebSockets), application (ALB) or network (NLB; needs one more file for nginx, see README.md)."

  validation {
    condition     = contains(["classic", "application", "network"], var.load_balancer)
    error_message = "One of classic, application, network."
  }
}

variable "certificate_arn" {
  type        = string
  description = "The certificate in ACM that the load balancer shows; it has to name every host."
}

variable "health_check_path" {
  type        = string
  default     = "/nginx-health"
  description = "What nginx itself answers with 200 on port 80, for any Host and without an app (etc/nginx/conf.d/00-viridian.conf of `render nginx`)."
}

variable "drain_seconds" {
  type        = number
  default     = 60
  description = "How long requests go on at a node that leaves the load balancer."
}

variable "idle_seconds" {
  type        = number
  default     = 60
  description = "When an idle connection is closed. nginx's keepalive_timeout (75 s by default) has to be longer, or visitors get 504."
}

variable "network_tls_port" {
  type        = number
  default     = 81
  description = "For a network load balancer: the port of nginx on the nodes that gets what came by TLS."
}

# DNS

variable "zones" {
  type        = map(string)
  description = "Route 53 zones, name to id, for example { \"domain.com\" = \"Z…\" }. A host's record goes into the zone with the longest name that fits."
}

# Nodes

variable "tag_instance_ids" {
  type        = set(string)
  default     = []
  description = "Instances that get node_tags from this module, and so become nodes. Instances that others make should have the tags already."
}

variable "attach_security_group" {
  type        = bool
  default     = false
  description = "Attach the nodes' security group to the nodes that run now. Not for instances of an autoscaling group or of another Terraform state: put the output node_security_group_id there."
}

variable "create_node_role" {
  type        = bool
  default     = true
  description = "Make a role and an instance profile for new nodes. false where the cluster brings its own."
}

variable "node_policy_arns" {
  type        = set(string)
  default     = []
  description = "Policies for the nodes' role, for example of a registry (AmazonEC2ContainerRegistryReadOnly). Viridian needs none."
}

variable "nodes_read_artifacts" {
  type        = bool
  default     = false
  description = "Whether a postDeploy command on the nodes fetches artifacts itself. What Viridian deploys (artifact in apps/*.yaml) comes by presigned URLs and needs no right."
}

# Viridian

variable "viridian_role_name" {
  type        = string
  default     = null
  description = "The role that Viridian runs as; it gets the policy. Without it, the output viridian_policy_arn is to be attached by hand."
}

variable "viridian_security_group_ids" {
  type        = set(string)
  default     = []
  description = "Security groups of Viridian's machine, from which the nodes accept SSH."
}

variable "ssh_port" {
  type        = number
  default     = 22
  description = "The port of sshd on the nodes."
}
