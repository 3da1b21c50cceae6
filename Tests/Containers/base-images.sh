#!/bin/sh
# Makes stand-ins for base images that Dockerfiles of Viridian name, from Debian packages of this machine; README.md says in what they
# differ from the real ones. Nothing is pulled.
#
#   base-images.sh WHEELS NAME…     WHEELS: a folder with wheels for pip; NAME: debian, php, python, redis, nginx
#
# `docker` builds them: DOCKER_HOST says where.
set -eu
[ $# -ge 2 ] || { echo "usage: base-images.sh WHEELS NAME..." >&2; exit 64; }
wheels=$1
shift
PATH=$PATH:/usr/sbin:/sbin
umask 022

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
root=

# A root file system with nothing but its directories, and the users that Debian has.
begin() {
    root=$work/$1
    mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64" "$root/etc" "$root/var/lib" "$root/var/log" \
        "$root/root" "$root/run" "$root/opt" "$root/usr/local/bin" "$root/usr/local/sbin"
    mkdir -m 1777 "$root/tmp"
    for directory in bin sbin lib lib64; do ln -s "usr/$directory" "$root/$directory"; done
    cp /usr/share/base-passwd/passwd.master "$root/etc/passwd"
    cp /usr/share/base-passwd/group.master "$root/etc/group"
    echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
    packages dash coreutils grep sed
}

# The files of Debian packages, without documentation; a pattern names packages whose name has a version.
packages() {
    for package in "$@"; do
        names=$(dpkg-query -W -f '${db:Status-Abbrev}${binary:Package}\n' "$package" 2>/dev/null | sed -n 's/^ii *//p')
        [ -n "$names" ] || { echo "base-images.sh: package $package is not installed" >&2 && exit 1; }
        # shellcheck disable=SC2086 # one word a package
        dpkg -L $names
    done | grep -v -e '^diverted by ' -e '^/usr/share/\(bash-completion\|bug\|doc\|info\|lintian\|locale\|man\)/' | sort -u |
        while IFS= read -r path; do
            # A diverted file has another name now.
            if [ -L "$path" ] || [ -f "$path" ]; then printf '%s\0' "${path#/}"; fi
        done | tar -C / --null --no-recursion -cf - -T - | tar -C "$root" -xf -
}

# The shared libraries of every program and library in the root file system, and those that the C library loads by name.
libraries() {
    {
        find "$root/usr" "$root/opt" -type f \( -perm -100 -o -name '*.so' -o -name '*.so.*' \) -exec ldd {} + 2>/dev/null |
            awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// && $1 !~ /:$/ { print $1 }'
        for name in nss_files nss_dns resolv; do ls "/lib/$(uname -m)-linux-gnu/lib$name.so.2"; done
    } | sort -u | while IFS= read -r library; do
        mkdir -p "$root$(dirname "$library")"
        cp -L "$library" "$root$library"
    done
}

script() { # PATH, its text on standard input
    mkdir -p "$root$(dirname "$1")"
    cat >"$root$1"
    chmod 755 "$root$1"
}

# Gives the image its name; the other arguments are lines of a Dockerfile. An image of that name from before is replaced.
finish() {
    libraries
    reference=$1
    shift
    mkdir "$root.context"
    tar -C "$root" --numeric-owner -cf "$root.context/root.tar" .
    {
        printf 'FROM scratch\nADD root.tar /\nENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n'
        printf '%s\n' "$@"
    } >"$root.context/Dockerfile"
    docker build --quiet --tag "$reference" "$root.context" >"$work/log" 2>&1 || { cat "$work/log" >&2 && exit 1; }
    rm -rf "$root" "$root.context"
    echo "$reference"
}

debian() {
    begin debian
    packages bash
    finish debian:trixie-slim 'CMD ["bash"]'
}

php() {
    begin php
    packages bash tzdata 'php[0-9].[0-9]-fpm' 'php[0-9].[0-9]-cli' 'php[0-9].[0-9]-common' 'php[0-9].[0-9]-opcache'
    etc=$root/usr/local/etc
    mkdir -p "$etc/php-fpm.d" "$etc/php/conf.d" "$root/var/www/html"
    printf '[global]\ninclude=/usr/local/etc/php-fpm.d/*.conf\n' >"$etc/php-fpm.conf"
    # The three files of the real image, without their comments.
    cat >"$etc/php-fpm.d/docker.conf" <<'CONF'
[global]
error_log = /proc/self/fd/2
log_limit = 8192
[www]
access.log = /proc/self/fd/2
clear_env = no
catch_workers_output = yes
decorate_workers_output = no
CONF
    cat >"$etc/php-fpm.d/www.conf" <<'CONF'
[www]
user = www-data
group = www-data
listen = 127.0.0.1:9000
pm = dynamic
pm.max_children = 5
pm.start_servers = 2
pm.min_spare_servers = 1
pm.max_spare_servers = 3
CONF
    printf '[global]\ndaemonize = no\n[www]\nlisten = 9000\n' >"$etc/php-fpm.d/zz-docker.conf"
    cp "$root"/usr/lib/php/*/php.ini-production "$root"/usr/lib/php/*/php.ini-development "$etc/php/"
    # What the real image has compiled in is a loadable extension in Debian.
    for extension in ctype fileinfo ftp iconv pdo phar posix tokenizer; do
        echo "extension=$extension" >>"$etc/php/conf.d/00-built-in.ini"
    done
    echo 'zend_extension=opcache' >"$etc/php/conf.d/docker-php-ext-opcache.ini"
    rm -rf "$root/etc/php"
    program=$(cd "$root/usr/sbin" && ls php-fpm[0-9]*)
    script /usr/local/sbin/php-fpm <<SCRIPT
#!/bin/sh
exec /usr/sbin/$program --fpm-config /usr/local/etc/php-fpm.conf -c /usr/local/etc/php "\$@"
SCRIPT
    script /usr/local/bin/php <<SCRIPT
#!/bin/sh
exec /usr/bin/php${program#php-fpm} -c /usr/local/etc/php "\$@"
SCRIPT
    script /usr/local/bin/docker-php-entrypoint <<'SCRIPT'
#!/bin/sh
set -e
if [ "${1#-}" != "$1" ]; then set -- php-fpm "$@"; fi
exec "$@"
SCRIPT
    finish php:8.3-fpm 'ENV PHP_INI_DIR=/usr/local/etc/php' 'ENV PHP_INI_SCAN_DIR=/usr/local/etc/php/conf.d' 'WORKDIR /var/www/html' \
        'ENTRYPOINT ["docker-php-entrypoint"]' 'STOPSIGNAL SIGQUIT' 'EXPOSE 9000' 'CMD ["php-fpm"]'
}

python() {
    begin python
    packages bash 'python3.[0-9]*-minimal' 'libpython3.[0-9]*-minimal' 'libpython3.[0-9]*-stdlib'
    program=$(cd "$root/usr/bin" && ls python3.[0-9]*)
    for name in python python3; do ln -s "/usr/bin/$program" "$root/usr/local/bin/$name"; done
    # Debian keeps pip out of its own directories; in this image it may install, as in the real one.
    rm -f "$root/usr/lib/$program/EXTERNALLY-MANAGED"
    mkdir -p "$root/opt/wheels" "$root/usr/local/lib/$program/dist-packages"
    cp "$wheels"/*.whl "$root/opt/wheels/"
    "$program" -m zipfile -e "$(find "$wheels" -name 'pip-*.whl' | head -n 1)" "$root/usr/local/lib/$program/dist-packages"
    script /usr/local/bin/pip <<'SCRIPT'
#!/bin/sh
exec python3 -m pip "$@"
SCRIPT
    finish python:3.12-slim 'ENV LANG=C.UTF-8' 'ENV PIP_NO_INDEX=1' 'ENV PIP_FIND_LINKS=/opt/wheels' 'ENV PIP_ROOT_USER_ACTION=ignore' 'CMD ["python3"]'
}

redis() {
    begin redis
    packages redis-tools redis-server
    rm -rf "$root/etc/redis"
    mkdir -p "$root/data"
    # The real image is built with another default.
    script /usr/local/bin/redis-server <<'SCRIPT'
#!/bin/sh
exec /usr/bin/redis-server "$@" --protected-mode no
SCRIPT
    finish redis:7-alpine 'WORKDIR /data' 'EXPOSE 6379' 'CMD ["redis-server"]'
}

nginx() {
    begin nginx
    packages nginx nginx-common
    rm -rf "$root"/etc/nginx/sites-* "$root"/etc/nginx/modules-* "$root/usr/share/nginx/modules"*
    mkdir -p "$root/etc/nginx/conf.d" "$root/var/log/nginx" "$root/var/lib/nginx" "$root/var/cache/nginx"
    ln -s /dev/stdout "$root/var/log/nginx/access.log"
    ln -s /dev/stderr "$root/var/log/nginx/error.log"
    cat >"$root/etc/nginx/nginx.conf" <<'CONF'
user www-data;
worker_processes auto;
error_log /var/log/nginx/error.log notice;
pid /run/nginx.pid;
events {
    worker_connections 1024;
}
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /var/log/nginx/access.log;
    sendfile on;
    keepalive_timeout 65;
    include /etc/nginx/conf.d/*.conf;
}
CONF
    finish nginx:1.28 'EXPOSE 80' 'STOPSIGNAL SIGQUIT' 'CMD ["nginx", "-g", "daemon off;"]'
}

for name in "$@"; do
    case $name in
    debian | php | python | redis | nginx) "$name" ;;
    *) echo "base-images.sh: no stand-in called $name" >&2 && exit 64 ;;
    esac
done
