#!/bin/sh
# What the tests start: MariaDB, Redis, nginx, promtool, a browser and curl. Root gets what is missing by apt; others are told.
set -eu

missing=
wants() { # program, package
    PATH="$PATH:/usr/sbin" command -v "$1" >/dev/null || missing="$missing $2"
}

if [ -z "${TEST_DATABASE_URL:-}" ]; then
    wants mariadbd mariadb-server-core
    wants mariadb-install-db mariadb-server-core
    wants mariadb mariadb-client-core
fi
[ -n "${TEST_REDIS_URL:-}" ] || wants redis-server redis-server
wants nginx nginx-light
wants promtool prometheus
wants openssl openssl
wants chromium chromium
wants curl curl
[ -n "$missing" ] || exit 0

missing=$(printf '%s\n' $missing | sort -u | xargs)
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "missing: $missing. Install: sudo apt-get install --no-install-recommends $missing" \
        "(or give TEST_DATABASE_URL and TEST_REDIS_URL)" >&2
    exit 1
fi

# The tests start servers of their own: none of the packages may start one, now or at the next boot.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
if [ -d /run/systemd/system ]; then
    services="redis-server.service nginx.service prometheus.service"
    # shellcheck disable=SC2086 - a list of words
    systemctl mask --runtime $services || echo "$services may start by themselves" >&2
    trap 'systemctl unmask --runtime $services; systemctl disable $services' EXIT
fi
apt-get update -q
# shellcheck disable=SC2086 - a list of words
apt-get install -qy --no-install-recommends $missing
