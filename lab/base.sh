#!/bin/bash
# base.sh: builds the lab's base image, a stand-in for debian:bookworm-slim where no registry can be reached.
#
# mmdebstrap makes a minimal Debian from the package sources of this machine, so what the machine can install, an image
# can. Does nothing when the image is there: a new image id would invalidate every build cache that stands on it.
set -euo pipefail

lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
STATE=${LAB_STATE:-$lab/state}
BASE=${LAB_BASE:-runplan-lab-base:bookworm}
SUITE=bookworm

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# This machine's sources of Debian's own packages for the suite, as lines of sources.list; none when the machine is
# another release (mmdebstrap then takes its own default). Only what a container can reach too: no cdrom:, no file:.
debian_sources() {
    # shellcheck disable=SC2016  # apt's placeholders, not the shell's
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' |
        grep -E "^deb (http|https|mirror\+https?)://[^ ]+ $SUITE(-updates|-security)? " | sort -u || true
}

# The settings of apt without which this machine's sources would not work elsewhere: proxies, and tolerance of old lists.
apt_settings() {
    apt-config dump | grep -iE '^(Acquire::(http|https)::Proxy[^ ]*|Acquire::Check-(Valid-Until|Date)) "' || true
}

if docker image inspect "$BASE" >/dev/null 2>&1; then
    exit 0
fi
command -v mmdebstrap >/dev/null || { echo "base: no mmdebstrap; run scripts/setup.sh lab" >&2; exit 1; }
mkdir -p "$STATE"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
debian_sources >"$work/sources.list"
options=()
while read -r line; do options+=(--aptopt="${line%;}"); done < <(apt_settings)
sources=()
if [ -s "$work/sources.list" ]; then sources=("$work/sources.list"); fi

# shellcheck disable=SC2016  # "$1" is the hook's: the root of the new system
# The excluded paths and the settings of dpkg and apt are those of Debian's official slim image: small layers, fast.
as_root mmdebstrap --quiet --variant=minbase --include=ca-certificates \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/groff/*' \
    --dpkgopt='path-exclude=/usr/share/lintian/*' --dpkgopt='path-exclude=/usr/share/linda/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --dpkgopt='force-unsafe-io' \
    --aptopt='Acquire::Languages "none"' --aptopt='Acquire::GzipIndexes "true"' \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Apt::AutoRemove::SuggestsImportant "false"' \
    "${options[@]}" \
    --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/var/log/*.log "$1"/var/log/apt/*' \
    --customize-hook='printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d"; chmod 755 "$1/usr/sbin/policy-rc.d"' \
    --customize-hook='printf "%s\n" "DPkg::Post-Invoke { \"rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true\"; };" "Dir::Cache::pkgcache \"\";" "Dir::Cache::srcpkgcache \"\";" >"$1/etc/apt/apt.conf.d/docker-clean"' \
    "$SUITE" "$work/base.tar" "${sources[@]}" >"$STATE/base.log" 2>&1 ||
    { tail -n 15 "$STATE/base.log" >&2; echo "base: mmdebstrap failed; the log is $STATE/base.log" >&2; exit 1; }
docker import --change 'CMD ["bash"]' --change 'LABEL runplan.lab=1' "$work/base.tar" "$BASE" >/dev/null
