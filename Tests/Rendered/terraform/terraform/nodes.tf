# The machines that run nginx: found by their tags, as Viridian finds them (`viridian nodes`).
data "aws_instances" "nodes" {
  instance_tags        = var.node_tags
  instance_state_names = ["running"]
}

locals {
  # Those that get their tags below are nodes at once, not at the next apply only.
  node_ids = setunion(data.aws_instances.nodes.ids, var.tag_instance_ids)

  new_tags = {
    for pair in setproduct(var.tag_instance_ids, keys(var.node_tags)) : join(" ", pair) => { instance = pair[0], key = pair[1] }
  }
}

resource "aws_ec2_tag" "nodes" {
  for_each = local.new_tags

  resource_id = each.value.instance
  key         = each.value.key
  value       = var.node_tags[each.value.key]
}

data "aws_instance" "nodes" {
  for_each = var.attach_security_group ? local.node_ids : []

  instance_id = each.value
}

resource "aws_network_interface_sg_attachment" "nodes" {
  for_each = data.aws_instance.nodes

  security_group_id    = aws_security_group.nodes.id
  network_interface_id = each.value.network_interface_id
}
