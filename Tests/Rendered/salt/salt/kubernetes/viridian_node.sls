# What Viridian needs on a Kubernetes node: the program that its SSH key may run, and nothing else; what that program may do; the right
# to run it as root; the key. Read by each node's Salt minion; part of `kubernetes` (init.sls). The key is in the pillar:
#   viridian:
#     authorized_keys: [ssh-ed25519 AAAA… viridian]
#     revoked_keys: []   # those that shall not log in any more
{% set keys = salt['pillar.get']('viridian:authorized_keys', []) %}

viridian-user:
  user.present:
    - name: deploy

# `viridian render salt` writes it again when its version changes: before the first release with a new Viridian.
/usr/local/sbin/viridian-node:
  file.managed:
    - source: salt://kubernetes/files/node/viridian-node
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: True

/etc/viridian/node.conf:
  file.managed:
    - source: salt://kubernetes/files/node/node.conf
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: True

viridian-sudo:
  pkg.installed:
    - name: sudo

# sudo refuses everybody when one of its files has an error: this one is checked before it is there.
/etc/sudoers.d/viridian:
  file.managed:
    - source: salt://kubernetes/files/node/sudoers
    - user: root
    - group: root
    - mode: '0440'
    - check_cmd: visudo -cf
    - require:
      - pkg: viridian-sudo
      - user: viridian-user
      - file: /usr/local/sbin/viridian-node

{% if not keys %}
viridian-key:
  test.fail_without_changes:
    - name: The pillar has no viridian:authorized_keys. Without a key Viridian cannot log in.
{% endif %}
{% for key in keys %}
{% set parts = key.split() %}
viridian-key-{{ loop.index }}:
  ssh_auth.present:
    - name: {{ parts[1] }}
    - enc: {{ parts[0] }}
    - comment: {{ parts[2:] | join(' ') | yaml_dquote }}
    - user: deploy
    - options:
      - restrict
      - "command=\"sudo -n /usr/local/sbin/viridian-node\""
    - require:
      - user: viridian-user
{% endfor %}
# A key that only leaves the list above stays on the nodes, as every key that Salt does not know: name it here to take it away.
{% for key in salt['pillar.get']('viridian:revoked_keys', []) %}
viridian-revoked-key-{{ loop.index }}:
  ssh_auth.absent:
    - name: {{ key.split()[1] }}
    - user: deploy
    - require:
      - user: viridian-user
{% endfor %}
