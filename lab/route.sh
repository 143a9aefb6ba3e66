#!/bin/bash
# route.sh: says where nginx sends requests, the way a plan does it: the new upstream is written beside the old one,
# tested, renamed over it, and nginx reloads. No request is lost; answers of the old release may come for another 0.5 s.
#
#   route.sh blue|green                 all to one colour
#   route.sh canary PERCENT             this share to green, the rest to blue
#   route.sh rolling [DOWN...]          to backend-0..2, but not to the named ones (route.sh rolling backend-1)
#   route.sh show                       prints the live backends
set -euo pipefail
# shellcheck source=lab/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
folder=$LAB_STATE/nginx

upstream() {
    echo "upstream backend {"
    printf '    server %s;\n' "$@"
    echo "}"
}

servers=()
case ${1:-} in
    blue | green) servers=("backend-$1:8000") ;;
    canary)
        percent=${2:?the share of green in percent}
        # A weight of 0 is no weight for nginx: a colour without a share is not named.
        if ((percent < 100)); then servers+=("backend-blue:8000 weight=$((100 - percent))"); fi
        if ((percent > 0)); then servers+=("backend-green:8000 weight=$percent"); fi
        ;;
    rolling)
        for name in backend-0 backend-1 backend-2; do
            case " ${*:2} " in *" $name "*) ;; *) servers+=("$name:8000 max_fails=1 fail_timeout=1s") ;; esac
        done
        ;;
    show) live_backends; exit ;;
    *) sed -n '5,9s/^# *//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
((${#servers[@]})) || die "no backend would be left"

mkdir -p "$folder"
if [ "$(docker inspect -f '{{.State.Running}}' "${LAB_PREFIX}nginx" 2>/dev/null)" = true ]; then
    upstream "${servers[@]}" >"$folder/upstream.next"
    docker exec "${LAB_PREFIX}nginx" nginx -q -t -c /etc/nginx/nginx-next.conf ||
        { rm -f "$folder/upstream.next"; die "nginx refuses it; the route is as it was"; }
    mv "$folder/upstream.next" "$folder/upstream.conf"
    reload_nginx
else
    upstream "${servers[@]}" >"$folder/upstream.conf"
fi
