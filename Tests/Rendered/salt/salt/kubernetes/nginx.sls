/etc/nginx/backends.d:
  file.recurse:
    - source: salt://kubernetes/files/node/nginx/backends.d
    - template: jinja
    - file_mode: 644
    - makedirs: True
    - replace: False

/etc/nginx/conf.d:
  file.recurse:
    - source: salt://kubernetes/files/node/nginx/conf.d
    - file_mode: 644
    - makedirs: True
    - require:
      - file: /etc/nginx/backends.d

nginx:
  service.running:
    - enable: True
    - reload: True
    - watch:
      - file: /etc/nginx/conf.d
