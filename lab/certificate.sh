#!/bin/bash
# certificate.sh [DAYS [AUTHORITY]]: a certificate for nginx that ends in DAYS (90), from the lab's own authority (ca) or one of
# another name; an authority is made at its first call. In state/tls: ca.crt is what a client needs to trust it, nginx/ what nginx serves.
set -euo pipefail
# shellcheck source=lab/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
folder=$LAB_STATE/tls
authority=$folder/${2:-ca}
key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)

umask 077
mkdir -p "$folder/nginx"
if [ ! -s "$authority.crt" ]; then
    openssl req -x509 "${key[@]}" -days 3650 -subj "/CN=runplan lab authority" -addext keyUsage=critical,keyCertSign,cRLSign \
        -keyout "$authority.key" -out "$authority.crt" 2>/dev/null
    chmod 0644 "$authority.crt"
fi
openssl req -x509 -CA "$authority.crt" -CAkey "$authority.key" "${key[@]}" -days "${1:-90}" -subj "/CN=$LAB_HOST" \
    -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=serverAuth \
    -addext "subjectAltName=DNS:$LAB_HOST,DNS:localhost,DNS:nginx,IP:127.0.0.1" \
    -keyout "$folder/nginx/server.key" -out "$folder/nginx/server.crt" 2>/dev/null
