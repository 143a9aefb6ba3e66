#!/bin/bash
# setup.sh build|lab|test|fuzz|bench...: installs the Debian packages that are missing for
#
#   build   compiling runplan
#   lab     building and running the lab
#   test    all of the tests (build and lab included)
#   fuzz    the fuzzer, with build
#   bench   the benchmarks (build included)
#
# Does nothing when all are there. Tried on Debian 12. Needs root, or sudo. Services that come with the packages are not
# started: the tests start their own.
set -euo pipefail

BUILD=(gcc make flex bison pkg-config libc6-dev libuv1-dev libcurl4-openssl-dev libjansson-dev libpq-dev libpcre2-dev
    libssl-dev libhiredis-dev libwebsockets-dev libexpat1-dev libsqlite3-dev)
# docker.io and docker-compose are left out below where Docker's own packages are installed.
LAB=(docker.io docker-compose iptables mmdebstrap debian-archive-keyring ca-certificates curl jq python3 procps
    util-linux postgresql-client bsdextrautils openssl)
TEST=(libcmocka-dev bats jq busybox-static postgresql nginx-light prometheus git openssl openssh-client openssh-server
    zsh fish man-db mandoc tmux python3-jsonschema python3-websockets swift-proxy swift-account swift-container
    swift-object prometheus-alertmanager python3-aiosmtpd redis-server strace)
FUZZ=(clang libclang-rt-dev)
# What runplan is measured beside.
BENCH=(ansible-core lua5.4 bc jq curl bash findutils docker.io docker-compose iptables procps busybox-static nginx-light
    prometheus python3)
# What these packages would start at every boot; disabled when this script installed the package.
SERVERS=(postgresql nginx prometheus prometheus-alertmanager redis-server swift-proxy swift-account swift-container swift-object
    openssh-server)

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else die "must be root, or have sudo, to install packages"
    fi
}

# Another packaging of the engine or of compose serves as well, and would conflict with Debian's.
provided() {
    case $1 in
        docker.io) PATH=$PATH:/usr/sbin command -v dockerd && command -v docker ;;
        docker-compose) docker compose version || command -v docker-compose ;;
        nginx-light) [ -x /usr/sbin/nginx ] ;;
        *) return 1 ;;
    esac >/dev/null 2>&1
}

missing() {
    local package
    for package in "$@"; do
        case $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) in
            ?i*) ;;
            *) provided "$package" || echo "$package" ;;
        esac
    done
}

# As root: apt, with nothing of it shown unless it fails.
quietly() {
    local log
    log=$(mktemp)
    as_root env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; die "failed: $*"; }
    rm -f "$log"
}

install_packages() {
    local policy=/usr/sbin/policy-rc.d cluster=/etc/postgresql-common/createcluster.conf package unit units
    # invoke-rc.d asks this program before it starts a service; 101 is "not allowed".
    if [ ! -e "$policy" ]; then
        # shellcheck disable=SC2064  # the path as it is now
        trap "as_root rm -f '$policy'" EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    # The server's package would make a database cluster of its own, to be started at every boot.
    if [[ " $* " == *" postgresql "* && ! -e $cluster ]]; then
        as_root mkdir -p "${cluster%/*}"
        echo 'create_main_cluster = false' | as_root tee "$cluster" >/dev/null
    fi
    quietly apt-get update
    quietly apt-get install -y --no-install-recommends -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold \
        -o DPkg::Lock::Timeout=300 "$@"
    command -v systemctl >/dev/null || return 0
    for package in "$@"; do
        [[ " ${SERVERS[*]} " == *" ${package%-light} "* ]] || continue
        # The unit of the server's name may be another package's; what else this one brings has names of its own.
        mapfile -t units < <(dpkg-query -L "$package" | sed -n 's,.*/systemd/system/\([^@/]*\.service\)$,\1,p')
        for unit in "${package%-light}" "${units[@]}"; do as_root systemctl disable "$unit" >/dev/null 2>&1 || true; done
    done
}

wanted=()
for set in "$@"; do
    case $set in
        build) wanted+=("${BUILD[@]}") ;;
        lab) wanted+=("${LAB[@]}") ;;
        test) wanted+=("${BUILD[@]}" "${LAB[@]}" "${TEST[@]}") ;;
        fuzz) wanted+=("${FUZZ[@]}") ;;
        bench) wanted+=("${BUILD[@]}" "${BENCH[@]}") ;;
        *) die "unknown set: $set (build, lab, test, fuzz or bench)" ;;
    esac
done
[ ${#wanted[@]} -gt 0 ] || die "usage: setup.sh build|lab|test|fuzz|bench..."
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    die "this machine has no apt; install yourself what stands for: ${wanted[*]}"
fi

mapfile -t absent < <(missing "${wanted[@]}")
if [ ${#absent[@]} -gt 0 ]; then
    say "installs ${absent[*]}"
    install_packages "${absent[@]}"
fi
