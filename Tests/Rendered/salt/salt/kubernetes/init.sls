# Everything that Viridian needs on a Kubernetes node. Read by each node's Salt minion: `kubernetes` in the top file for the nodes, or
#   salt 'node*' state.apply kubernetes
# README.md, one folder above, says how these files come into Salt's file roots.
include:
  - kubernetes.nginx
  - kubernetes.viridian_node
