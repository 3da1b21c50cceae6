# The namespaces and services of all apps, as files for kubectl. Read by the Salt minion of ONE machine, that has kubectl and an
# administrator's kubeconfig (in the pillar, `viridian:kubeconfig`; otherwise /etc/kubernetes/admin.conf); not part of `kubernetes`:
#   salt 'master1' state.apply kubernetes.services
# Releases need the services, and never change them. They are applied where the cluster differs from the files, whoever changed it.
{% set kubectl = 'kubectl --kubeconfig ' ~ salt['pillar.get']('viridian:kubeconfig', '/etc/kubernetes/admin.conf') %}

/etc/kubernetes/viridian:
  file.recurse:
    - source: salt://kubernetes/files/services
    - file_mode: 644
    - makedirs: True

kubernetes-services:
  cmd.run:
    - name: {{ kubectl }} apply -f /etc/kubernetes/viridian
    - unless: {{ kubectl }} diff -f /etc/kubernetes/viridian
    - require:
      - file: /etc/kubernetes/viridian
