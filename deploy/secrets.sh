#!/bin/sh
# Makes the secrets of a deployment: `sh deploy/secrets.sh DIRECTORY [HOST]`. It replaces none: the directory must not exist.
#
#   .env           passwords, tokens and keys, for compose.yaml or to copy from
#   users.acl      redis.acl with the hashes of its passwords
#   mysql/, tls/   a CA and a certificate for the host `mysql`; a certificate for HOST until you put yours there
set -eu
here=$(cd "$(dirname "$0")" && pwd)
host=${2:-localhost}
umask 077
mkdir "$1"
cd "$1"

secret() { openssl rand -hex 32; }

{
    for name in MYSQL_ROOT_PASSWORD MYSQL_PASSWORD MYSQL_MIGRATIONS_PASSWORD JWT_SECRET_KEY GRAFANA_PASSWORD; do
        echo "$name=$(secret)"
    done
    echo "RPC_SERVICE_TOKENS=backend:$(secret)"
} >.env

cp "$here/redis.acl" users.acl
for kind in WEB REALTIME WORKER MEDIA BEAT RPC; do
    password=$(secret)
    hash=$(printf %s "$password" | openssl dgst -sha256 -r | cut -d' ' -f1)
    sed "s/#SHA256_OF_$kind /#$hash /" users.acl >changed
    mv changed users.acl
    echo "REDIS_PASSWORD_$kind=$password" >>.env
done

certificate() { # file, name, options
    file=$1 name=$2
    shift 2
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=$name" \
        -keyout "${file%/*}/key.pem" -out "$file" -addext "subjectAltName=DNS:$name" "$@" 2>/dev/null
}
mkdir mysql tls
certificate mysql/certificate.pem mysql
certificate tls/certificate.pem "$host"

# Containers read these as users of their own. On this machine the directory keeps others out.
chmod 644 users.acl mysql/* tls/*
chmod 755 mysql tls
