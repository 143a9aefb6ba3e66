# shellcheck shell=bash
# env.sh: the lab's names and ports, read by the lab's scripts. A value comes from the environment, else from the .env
# that `lab.sh up` wrote (so every later call means the same lab), else from here.

LAB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ -f "$LAB_DIR/.env" ]; then
    while IFS='=' read -r name value; do
        case $name in LAB_*) [ -n "${!name:-}" ] || printf -v "$name" '%s' "$value" ;; esac
    done <"$LAB_DIR/.env"
fi

LAB_PROJECT=${LAB_PROJECT:-runplan-lab}                    # compose's project, and the prefix of the images
LAB_PREFIX=${LAB_PREFIX:-thebot-}                          # of the containers' names
LAB_BASE=${LAB_BASE:-runplan-lab-base:bookworm}            # or debian:bookworm-slim where a registry can be reached
LAB_IMAGE=${LAB_IMAGE:-thebot-backend}                     # of the backend, its releases are the tags
LAB_STATE=${LAB_STATE:-$LAB_DIR/state}                     # all that is made at run time
LAB_BUILD_NETWORK=${LAB_BUILD_NETWORK:-default}            # "host" when the bridge cannot reach Debian's packages
LAB_HOST=${LAB_HOST:-thebot.test}                          # the site's name, which nothing but the certificate knows
LAB_PORT_HTTP=${LAB_PORT_HTTP:-18000}                      # nginx
LAB_PORT_HTTPS=${LAB_PORT_HTTPS:-18443}
LAB_PORT_BLUE=${LAB_PORT_BLUE:-18001}                      # each backend, past nginx
LAB_PORT_GREEN=${LAB_PORT_GREEN:-18002}
LAB_PORT_0=${LAB_PORT_0:-18010}
LAB_PORT_1=${LAB_PORT_1:-18011}
LAB_PORT_2=${LAB_PORT_2:-18012}
LAB_PORT_PG=${LAB_PORT_PG:-15432}
LAB_PORT_REDIS=${LAB_PORT_REDIS:-16379}
LAB_PORT_PROM=${LAB_PORT_PROM:-19090}
LAB_PORT_ALERTS=${LAB_PORT_ALERTS:-19093}                  # Alertmanager
LAB_PORT_REGISTRY=${LAB_PORT_REGISTRY:-15000}              # of the parts: registry, sink (webhooks, mail), s3
LAB_PORT_SINK=${LAB_PORT_SINK:-18025}
LAB_PORT_SMTP=${LAB_PORT_SMTP:-12525}
LAB_PORT_S3=${LAB_PORT_S3:-18333}
LAB_VARIABLES=(LAB_PROJECT LAB_PREFIX LAB_BASE LAB_IMAGE LAB_STATE LAB_BUILD_NETWORK LAB_HOST LAB_PORT_HTTP LAB_PORT_HTTPS
    LAB_PORT_BLUE LAB_PORT_GREEN LAB_PORT_0 LAB_PORT_1 LAB_PORT_2 LAB_PORT_PG LAB_PORT_REDIS LAB_PORT_PROM LAB_PORT_ALERTS
    LAB_PORT_REGISTRY LAB_PORT_SINK LAB_PORT_SMTP LAB_PORT_S3)
case $LAB_STATE in /*) ;; *) LAB_STATE=$PWD/$LAB_STATE ;; esac
COMPOSE_PROJECT_NAME=$LAB_PROJECT
DOCKER_BUILDKIT=0                                          # the legacy builder needs no registry and no plugin
export COMPOSE_PROJECT_NAME DOCKER_BUILDKIT "${LAB_VARIABLES[@]}"

# shellcheck disable=SC2034  # for who reads this file
LAB_INFRA=(postgres redis prometheus alertmanager nginx)
# shellcheck disable=SC2034
LAB_IMAGES=(postgres redis prometheus nginx)               # folders that an image each is built from
# Parts that only `lab.sh up PART` starts: the service, and the folder of its image. s3 is no container.
# shellcheck disable=SC2034
declare -A LAB_PARTS=([standby]="postgres-standby postgres" [registry]="registry registry" [sink]="sink sink" [s3]="")
# shellcheck disable=SC2034
LAB_BACKENDS=(backend-blue backend-green backend-0 backend-1 backend-2)

say() { printf 'lab: %s\n' "$*"; }
die() { printf 'lab: %s\n' "$*" >&2; exit 1; }

# compose ARGUMENTS: version 2 (the plugin) or version 1, whichever is there.
compose() {
    if [ -z "${COMPOSE:-}" ]; then
        if docker compose version >/dev/null 2>&1; then COMPOSE="docker compose"
        elif command -v docker-compose >/dev/null; then COMPOSE=docker-compose
        else die "neither docker compose nor docker-compose; run scripts/setup.sh lab"
        fi
    fi
    $COMPOSE -f "$LAB_DIR/docker-compose.yml" "$@"
}

is_running() { [ "$(docker inspect -f '{{.State.Running}}' "$LAB_PREFIX$1" 2>/dev/null)" = true ]; }

# base_id: of the image that all others stand on; asked for once where LAB_BASE_ID is exported.
base_id() { echo "${LAB_BASE_ID:-$(docker image inspect -f '{{.Id}}' "$LAB_BASE" 2>/dev/null || echo "$LAB_BASE")}"; }

# build_image TAG FOLDER [DOCKER BUILD ARGUMENTS]: builds unless an image of this tag was built from the same files.
build_image() {
    local tag=$1 folder=$2 source log
    shift 2
    source=$({ base_id; echo "$*"
        cd "$LAB_DIR/$folder" && find . -type f ! -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum; } | sha256sum | cut -c1-32)
    if [ "$(docker image inspect -f '{{index .Config.Labels "runplan.lab.source"}}' "$tag" 2>/dev/null)" = "$source" ]; then
        return
    fi
    log=$LAB_STATE/build-${tag//[:\/]/_}.log
    docker build --force-rm --network "$LAB_BUILD_NETWORK" --build-arg "BASE=$LAB_BASE" --label "runplan.lab.source=$source" "$@" \
        -t "$tag" "$LAB_DIR/$folder" >"$log" 2>&1 || { tail -n 15 "$log" >&2; die "could not build $tag; the log is $log"; }
    say "built $tag"
}

# registry_accepts PASSWORD: from now on, of user lab.
registry_accepts() {
    python3 -W ignore -c 'import crypt, sys; print("lab:" + crypt.crypt(sys.argv[1], crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))' \
        "$1" >"$LAB_STATE/registry/htpasswd"
}

# push_release VERSION: into the lab's registry as thebot:VERSION. The login is kept apart from the user's own.
push_release() {
    local name=127.0.0.1:$LAB_PORT_REGISTRY/thebot:$1 login=$LAB_STATE/registry/login
    mkdir -p "$login"
    docker --config "$login" login -u lab --password-stdin "${name%%/*}" <"$LAB_STATE/registry/password" >/dev/null 2>&1 ||
        die "the registry does not let us in"
    docker tag "$LAB_IMAGE:$1" "$name"
    docker --config "$login" push -q "$name" >/dev/null || die "the registry does not take $1"
    docker rmi "$name" >/dev/null
}

# reload_nginx: nginx says a harmless notice on standard error; it is shown only when the reload fails.
reload_nginx() {
    local answer
    answer=$(docker exec "${LAB_PREFIX}nginx" nginx -q -s reload 2>&1) || die "nginx does not reload: $answer"
}

# write_edge: what nginx does at the edge, for edge.conf; a fault that is on (state/faults/NAME, by fault.sh) takes a part away.
write_edge() {
    unless() { if [ -e "$LAB_STATE/faults/$1" ]; then echo '""'; else echo "$2"; fi; }
    cat >"$LAB_STATE/nginx/edge.conf" <<END
map "" \$hsts { default $(unless hsts '"max-age=31536000; includeSubDomains"'); }
map "" \$frame_options { default $(unless frame-options DENY); }
map "" \$https_port { default $LAB_PORT_HTTPS; }
map "\$scheme \$host" \$to_https { default ""; "http $LAB_HOST" $(unless redirect 1); }
map \$http_upgrade \$upgrade { default $(unless upgrade "\$http_upgrade"); }
END
}

# The backends that nginx sends requests to, as its upstream has them.
live_backends() { sed -nE '/ down;/d; s/^ *server (backend-[a-z0-9]+):.*/\1/p' "$LAB_STATE/nginx/upstream.conf" 2>/dev/null; }

# wait_healthy SERVICE...: until every container's health check has succeeded, which takes as long as the machine is busy.
wait_healthy() {
    local deadline=$((SECONDS + 120)) states container
    local containers=("${@/#/$LAB_PREFIX}")
    until states=$(docker inspect -f '{{.Name}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}' \
            "${containers[@]}" 2>/dev/null) && ! grep -qv ' running healthy$' <<<"$states"; do
        if ((SECONDS >= deadline)) || grep -qE ' (exited|dead) ' <<<"$states"; then
            states=$(grep -v ' running healthy$' <<<"$states" || true)
            while read -r container _; do docker logs --tail 5 "${container#/}" >&2 || true; done <<<"$states"
            die "not healthy: ${states//$'\n'/, }"
        fi
        sleep 0.1
    done
}
