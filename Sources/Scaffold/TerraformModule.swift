import ViridianConfiguration

/// The way in: one load balancer in front of nginx on the nodes, the names of the apps that point at it, and what Viridian itself may
/// ask of AWS.
struct TerraformModule {
    private let inventory: EC2Inventory?
    private let hosts: [String]
    /// What of S3 releases read: `bucket/prefix*`.
    private let artifacts: [String]

    private struct EC2Inventory {
        var region: String
        var tags: [(key: String, value: String)]
    }

    init(configuration: Configuration, apps: [AppConfiguration]) throws(ScaffoldError) {
        if case .ec2(let instances) = configuration.nodes.inventory {
            inventory = EC2Inventory(
                region: instances.region, tags: instances.tags.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        } else {
            inventory = nil
        }
        artifacts = Set(apps.compactMap(Self.objects)).sorted()
        hosts = apps.flatMap { $0.hosts + [$0.preview].compactMap { $0 } }
        guard !hosts.isEmpty else {
            throw ScaffoldError(
                "there is no name to point at the load balancer: give an app its `hosts` (apps/*.yaml)")
        }
    }

    /// The objects that an app's artifacts are, up to the version; `nil` where they are not in S3.
    private static func objects(of app: AppConfiguration) -> String? {
        guard let from = app.artifact?.from, from.hasPrefix("s3://") else { return nil }
        let place = from.dropFirst(5).replacing("{app}", with: app.name.text)
        return place.prefix { $0 != "{" } + "*"
    }

    /// A string of HCL.
    private func quoted(_ text: String) -> String {
        let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return "\"\(escaped.replacing("${", with: "$${").replacing("%{", with: "%%{"))\""
    }

    var file: RenderedFile {
        let parts = [head, variables, nodes, groups, balancer, names, rights].filter { !$0.isEmpty }
        return RenderedFile(path: "terraform/viridian.tf", text: parts.joined(separator: "\n"))
    }

    private var head: String {
        """
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
          region = \(inventory.map { quoted($0.region) } ?? "var.region")
        }

        """
    }

    private var variables: String {
        let machines = """
            variable "region" {
              type = string
            }

            variable "node_tags" {
              type        = map(string)
              description = "Tags of the machines whose nginx gets the traffic."
            }


            """
        return (inventory == nil ? machines : "") + """
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

            """
    }

    private var nodes: String {
        guard let tags = inventory?.tags else {
            return """
                data "aws_instances" "nodes" {
                  instance_tags        = var.node_tags
                  instance_state_names = ["running"]
                }

                """
        }
        let width = tags.map { quoted($0.key).count }.max() ?? 0
        let lines = tags.map { tag in
            let key = quoted(tag.key)
            return "    \(key)\(String(repeating: " ", count: width - key.count)) = \(quoted(tag.value))"
        }.joined(separator: "\n")
        return """
            # The machines that Viridian finds by the same tags (nodes.ec2 in viridian.yaml).
            data "aws_instances" "nodes" {
              instance_tags = {
            \(lines)
              }
              instance_state_names = ["running"]
            }

            """
    }

    private let groups = """
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

        # Lets the load balancer in to nginx on the nodes, once it is attached to them: see the output. Security groups only add. What
        # other groups of the machines let in, the NodePorts (30000-32767) for one, stays open to whomever they name.
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
          description = "To be attached to every node."
          value       = aws_security_group.nodes.id
        }

        """

    private let balancer = """
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

        """

    private var names: String {
        """
        data "aws_elb_hosted_zone_id" "main" {}

        resource "aws_route53_record" "hosts" {
          for_each = toset([
        \(hosts.map { "    \(quoted($0))," }.joined(separator: "\n"))
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

        """
    }

    /// What Viridian asks of AWS by itself; empty where it asks nothing.
    private var rights: String {
        var statements: [String] = []
        if inventory != nil {
            statements.append(
                """
                  # The list of nodes. EC2 knows no narrower resource for it.
                  statement {
                    actions   = ["ec2:DescribeInstances"]
                    resources = ["*"]
                  }
                """)
        }
        if !artifacts.isEmpty {
            let objects = artifacts.map { "      \(quoted("arn:aws:s3:::\($0)"))," }.joined(separator: "\n")
            statements.append(
                """
                  # Artifacts: nodes get addresses that are signed with this right.
                  statement {
                    actions = ["s3:GetObject"]
                    resources = [
                \(objects)
                    ]
                  }
                """)
        }
        guard !statements.isEmpty else { return "" }
        return """
            # What Viridian asks of AWS, for the role or the user that it runs as.
            data "aws_iam_policy_document" "viridian" {
            \(statements.joined(separator: "\n\n"))
            }

            resource "aws_iam_policy" "viridian" {
              name_prefix = "viridian-"
              policy      = data.aws_iam_policy_document.viridian.json
            }

            output "policy_arn" {
              description = "To be attached to the role or the user that Viridian runs as."
              value       = aws_iam_policy.viridian.arn
            }

            """
    }
}
