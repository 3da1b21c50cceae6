import ViridianConfiguration

/// The way in: one load balancer in front of nginx on the nodes, and the names of the apps that point at it.
struct TerraformModule {
    private let region: String
    private let tags: [(key: String, value: String)]
    private let hosts: [String]

    init(configuration: Configuration, apps: [AppConfiguration]) throws(ScaffoldError) {
        if case .ec2(let instances) = configuration.nodes.inventory {
            region = instances.region
            tags = instances.tags.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        } else {
            region = "us-east-1"
            tags = [("role", "kubernetes-node")]
        }
        hosts = apps.flatMap { $0.hosts + [$0.preview].compactMap { $0 } }
        guard !hosts.isEmpty else {
            throw ScaffoldError(
                "there is no name to point at the load balancer: give an app its `hosts` (apps/*.yaml)")
        }
    }

    /// A string of HCL.
    private func quoted(_ text: String) -> String {
        let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return "\"\(escaped.replacing("${", with: "$${").replacing("%{", with: "%%{"))\""
    }

    var file: RenderedFile {
        let width = tags.map { quoted($0.key).count }.max() ?? 0
        let tagLines = tags.map { tag in
            let key = quoted(tag.key)
            return "    \(key)\(String(repeating: " ", count: width - key.count)) = \(quoted(tag.value))"
        }.joined(separator: "\n")
        let names = hosts.map { "    \(quoted($0))," }.joined(separator: "\n")
        return RenderedFile(path: "terraform/viridian.tf", text: text(tags: tagLines, names: names))
    }

    private func text(tags: String, names: String) -> String {
        """
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
          description = "The certificate that the load balancer answers with."
        }

        provider "aws" {
          region = \(quoted(region))
        }

        # The machines that Viridian finds by the same tags.
        data "aws_instances" "nodes" {
          instance_tags = {
        \(tags)
          }
          instance_state_names = ["running"]
        }

        data "aws_elb_hosted_zone_id" "main" {}

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

        # Attach it to the nodes: only the load balancer reaches their nginx, and nobody the NodePorts from outside.
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

        resource "aws_route53_record" "hosts" {
          for_each = toset([
        \(names)
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

        output "node_security_group_id" {
          value = aws_security_group.nodes.id
        }

        """
    }
}
