# All that Viridian calls in AWS, for the role or the user that it runs as. It changes nothing there.

data "aws_iam_policy_document" "viridian" {
  # The list of nodes. This action supports no resource-level permissions.
  statement {
    sid       = "FindNodes"
    actions   = ["ec2:DescribeInstances"]
    resources = ["*"]
  }

  # Nodes download artifacts from presigned URLs, which carry this right.
  source_policy_documents = [data.aws_iam_policy_document.artifacts.json]
}

resource "aws_iam_policy" "viridian" {
  name_prefix = "${var.name}-"
  description = "What Viridian calls in AWS"
  policy      = data.aws_iam_policy_document.viridian.json
}

resource "aws_iam_role_policy_attachment" "viridian" {
  count = var.viridian_role_name == null ? 0 : 1

  role       = var.viridian_role_name
  policy_arn = aws_iam_policy.viridian.arn
}
