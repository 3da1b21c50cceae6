# nginx on a Kubernetes node: the upstream files of all apps, their virtual hosts, and the service.
# Read by the Salt minion of each node that the balancer sends visitors to; part of `kubernetes` (init.sls), or alone:
#   salt 'node*' state.apply kubernetes.nginx
nginx-package:
  pkg.installed:
    - name: nginx

# Which colour is live is in these files, and releases edit them: Salt makes those that are missing, with blue up, and never changes one
# that is there. On a new node that may be the wrong colour: `viridian status` says that the node has drifted, `viridian repair APP`
# (or `repair: auto` in the app's file) brings it to the live one. nginx is not reloaded for them.
/etc/nginx/backends.d:
  file.recurse:
    - source: salt://kubernetes/files/node/nginx/backends.d
    - template: jinja
    - file_mode: 644
    - makedirs: True
    - replace: False
    - require:
      - pkg: nginx-package

# Virtual hosts are Salt's: edit them in the file roots. That of an app that is gone stays until somebody removes it on the nodes.
/etc/nginx/conf.d:
  file.recurse:
    - source: salt://kubernetes/files/node/nginx/conf.d
    - file_mode: 644
    - makedirs: True
    - require:
      - pkg: nginx-package
      - file: /etc/nginx/backends.d

# Debian's own default server: 00-viridian.conf has another one, and there can be one only.
/etc/nginx/sites-enabled/default:
  file.absent:
    - require:
      - pkg: nginx-package

# At each run, not after changes only: what nginx refuses is an error until it is corrected, here or by hand. It goes on serving what it
# has loaded, but would not start again. What it refused is noted, so that it is loaded once nginx accepts it.
nginx-configuration:
  cmd.run:
    - name: nginx -t || { touch /run/nginx-refused; exit 1; }; rm -f /run/nginx-refused
    - unless: nginx -t && test ! -e /run/nginx-refused
    - require:
      - file: /etc/nginx/backends.d
      - file: /etc/nginx/conf.d
      - file: /etc/nginx/sites-enabled/default

nginx:
  service.running:
    - enable: True
    - reload: True
    - watch:
      - file: /etc/nginx/conf.d
      - file: /etc/nginx/sites-enabled/default
      - cmd: nginx-configuration
