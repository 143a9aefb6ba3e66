#!/bin/bash
# release.sh VERSION...|--all: builds releases of the backend as LAB_IMAGE:VERSION (backend/releases.json lists
# them). Does nothing for one that is built already from the same files.
set -euo pipefail
# shellcheck source=lab/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

[ $# -gt 0 ] || { echo "usage: release.sh VERSION...|--all" >&2; exit 2; }
mkdir -p "$LAB_STATE"
if [ "$1" = --all ]; then
    mapfile -t versions < <(sed -nE 's/^  "([^"]+)": \{$/\1/p' "$LAB_DIR/backend/releases.json")
    set -- "${versions[@]}"
fi
for version in "$@"; do
    build_image "$LAB_IMAGE:$version" backend --build-arg "VERSION=$version"
done
