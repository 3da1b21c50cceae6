"""nginx nodes on this machine, each with its own directory in place of /etc/nginx, /srv and /var/log/nginx."""

import os
import shutil
import signal

from run.processes import find, run, running, wait_until

MAIN = """\
{user}
worker_processes 1;
pid {here}/nginx.pid;
error_log {here}/error.log notice;
events {{
    worker_connections 1024;
}}
http {{
    include mime.types;
    client_body_temp_path {here}/tmp/client_body;
    proxy_temp_path {here}/tmp/proxy;
    fastcgi_temp_path {here}/tmp/fastcgi;
    uwsgi_temp_path {here}/tmp/uwsgi;
    scgi_temp_path {here}/tmp/scgi;
    include {here}/conf.d/*.conf;
    # The load balancer: a browser comes by plain HTTP, and gets what it would get by https from it.
    server {{
        listen 127.0.0.1:{balancer};
        location / {{
            proxy_pass http://127.0.0.1:{port};
            proxy_http_version 1.1;
            proxy_set_header Host {host};
            proxy_set_header X-Forwarded-Proto https;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $http_connection;
        }}
    }}
}}
"""


class Node:
    def __init__(self, name, home, port, balancer):
        self.name, self.home, self.port, self.balancer = name, home / "nodes" / name, port, balancer

    def command(self, home=None):
        """How it is called, also in viridian.yaml, where {node} stands for the name."""
        home = home or self.home
        return [find("nginx"), "-p", str(home), "-c", f"{home}/nginx.conf", "-e", f"{home}/error.log"]

    def write(self, rendered, host):
        """The rendered files, byte for byte but for the paths and the port of a real node."""
        for folder in ("conf.d", "backends.d", "log", "srv", "tmp"):
            (self.home / folder).mkdir(parents=True)
        for name in ("mime.types", "fastcgi_params"):
            shutil.copy(f"/etc/nginx/{name}", self.home)
        user = "user root;" if os.geteuid() == 0 else "# Workers run as the user who started it."
        values = {"user": user, "here": self.home, "balancer": self.balancer, "port": self.port, "host": host}
        (self.home / "nginx.conf").write_text(MAIN.format(**values))
        for file in sorted(rendered.glob("etc/nginx/*/*.conf")):
            text = file.read_text()
            for there, here in [
                ("/etc/nginx/", f"{self.home}/"),
                ("/var/log/nginx/", f"{self.home}/log/"),
                ("/srv/", f"{self.home}/srv/"),
                ("listen 80", f"listen 127.0.0.1:{self.port}"),
            ]:
                text = text.replace(there, here)
            # Requests come from this machine, and not through a balancer of those networks.
            text = text.replace("set_real_ip_from 10.0.0.0/8;", "set_real_ip_from 127.0.0.0/8;")
            (self.home / file.parent.name / file.name).write_text(text)

    def running(self):
        run(self.command() + ["-t"])
        return running(self.command() + ["-g", "daemon off;"], self.home / "output.log", stop=signal.SIGQUIT)

    def wait_until_up(self, process):
        # nginx writes the file once it listens.
        wait_until(lambda: (self.home / "nginx.pid").exists(), f"nginx of {self.name} starts", [process])
