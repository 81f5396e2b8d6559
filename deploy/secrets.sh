#!/bin/sh
# Makes the secrets of compose.yaml that are missing, and a self-signed certificate for HOST.
# Never changes what is there: replace tls.crt and tls.key by the plant's own.
set -eu
HOST="${1:-$(hostname -f 2>/dev/null || hostname)}"
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
cd secrets
for name in auth_secret qdrant_key postgres_password mlflow_password; do
    [ -s "$name" ] || openssl rand -hex 32 > "$name"
done
[ -s database_url ] || printf 'postgresql://millwright:%s@postgres/millwright\n' "$(cat postgres_password)" \
    > database_url
[ -s pgpass ] || printf '*:*:*:mlflow:%s\n' "$(cat mlflow_password)" > pgpass
[ -s tls.crt ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
    -days 825 -keyout tls.key -out tls.crt -subj "/CN=$HOST" -addext "subjectAltName=DNS:$HOST" 2>/dev/null
# Compose hands files over as they are: each belongs to the user of the container that reads it.
chmod 400 ./*
give() {
    chown "$1" "$2" 2>/dev/null || echo "run this as root: deploy/secrets/$2 must belong to UID $1"
}
for name in auth_secret qdrant_key database_url pgpass; do give 1000 "$name"; done
give 999 mlflow_password
for name in tls.crt tls.key; do give 101 "$name"; done
