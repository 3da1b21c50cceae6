# The role of new nodes (var.create_node_role). Viridian reaches nodes by SSH and hands them presigned URLs, so that they need no right in
# AWS for it: this is the place for those that the cluster needs.

data "aws_iam_policy_document" "nodes_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.${data.aws_partition.current.dns_suffix}"]
    }
  }
}

resource "aws_iam_role" "nodes" {
  count = var.create_node_role ? 1 : 0

  name_prefix        = "${var.name}-nodes-"
  description        = "Nodes of the cluster that run nginx"
  assume_role_policy = data.aws_iam_policy_document.nodes_trust.json
}

resource "aws_iam_instance_profile" "nodes" {
  count = var.create_node_role ? 1 : 0

  name_prefix = "${var.name}-nodes-"
  role        = aws_iam_role.nodes[0].name
}

resource "aws_iam_role_policy_attachment" "nodes" {
  for_each = var.create_node_role ? var.node_policy_arns : []

  role       = aws_iam_role.nodes[0].name
  policy_arn = each.value
}

resource "aws_iam_role_policy" "node_artifacts" {
  count = var.create_node_role && var.nodes_read_artifacts ? 1 : 0

  name   = "artifacts"
  role   = aws_iam_role.nodes[0].id
  policy = data.aws_iam_policy_document.artifacts.json
}

# Objects in S3 that are deployed to the nodes. In a bucket with a KMS key of its own, kms:Decrypt for that key belongs here too.
data "aws_iam_policy_document" "artifacts" {
  statement {
    sid     = "ReadArtifacts"
    actions = ["s3:GetObject"]
    resources = [
      "arn:${data.aws_partition.current.partition}:s3:::domain-deploy/blog/*",
    ]
  }
}
