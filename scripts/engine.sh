#!/bin/bash
# engine.sh start|stop|status: a Docker engine to work with, also on a machine without systemd.
#
#   start   does nothing when an engine answers (DOCKER_HOST is respected); starts dockerd otherwise and
#           leaves a mark in the lab's state folder, so that it is known to be ours
#   stop    stops the engine only if the mark says that we started it
#   status  exit code 0 when an engine answers, 3 when none does
#
# LAB_STATE is the folder of the mark and of dockerd's log.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
STATE=${LAB_STATE:-$here/../lab/state}
MARK=$STATE/engine.pid            # holds the pid of a dockerd that we started
LOG=$STATE/dockerd.log
SOCKET=/run/docker.sock
PIDFILE=/run/docker.pid
CONTAINERD_PIDFILE=/run/docker/containerd/containerd.pid

say() { printf 'engine: %s\n' "$*"; }
die() { printf 'engine: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else die "must be root, or have sudo, for: $*"
    fi
}

answers() { timeout 5 docker version --format '{{.Server.Version}}' 2>/dev/null | grep .; }

# Is the process in pid file $1 alive and is it the program $2?
runs() {
    local pid
    pid=$(as_root cat "$1" 2>/dev/null) && [ -n "$pid" ] && grep -qa "$2" "/proc/$pid/cmdline" 2>/dev/null
}

# After a SIGKILL the pid files stay; dockerd would refuse to start, or wait 15 s for a containerd that died with it.
drop_stale_pid_files() {
    runs "$PIDFILE" dockerd || as_root rm -f "$PIDFILE"
    runs "$CONTAINERD_PIDFILE" containerd || as_root rm -f "$CONTAINERD_PIDFILE"
}

# cgroup v2: one unified tree; v1: a mount per controller. dockerd cannot do without either.
have_cgroups() { [ -f /sys/fs/cgroup/cgroup.controllers ] || grep -q ' cgroup .*devices' /proc/mounts; }

start() {
    local version group pid i
    command -v docker >/dev/null || die "no docker client; run scripts/setup.sh lab"
    if version=$(answers); then
        say "an engine answers (version $version)"
        return
    fi
    [ -z "${DOCKER_HOST:-}" ] || die "no engine answers at DOCKER_HOST=$DOCKER_HOST"
    if [ "$(id -u)" != 0 ] && as_root timeout 5 docker version >/dev/null 2>&1; then
        die "an engine runs, but $(id -un) may not use it: join the group docker, or run as root"
    fi
    PATH=$PATH:/usr/sbin:/sbin command -v dockerd >/dev/null || die "no dockerd; run scripts/setup.sh lab"
    have_cgroups || die "no cgroup hierarchy is mounted at /sys/fs/cgroup"

    mkdir -p "$STATE"
    drop_stale_pid_files
    group=$(id -gn "${SUDO_USER:-$(id -un)}")     # who asked may use the socket without sudo
    as_root env PATH="$PATH:/usr/sbin:/sbin" setsid dockerd --group "$group" --pidfile "$PIDFILE" \
        --host "unix://$SOCKET" >>"$LOG" 2>&1 </dev/null &
    pid=$!
    for ((i = 0; i < 600; i++)); do
        if version=$(answers); then
            as_root cat "$PIDFILE" >"$MARK"
            say "started (version $version)"
            return
        fi
        [ -d "/proc/$pid" ] || { tail -n 3 "$LOG" >&2; die "dockerd ended; its log is $LOG"; }
        sleep 0.05
    done
    die "dockerd does not answer after 30 s; its log is $LOG"
}

stop() {
    local pid i
    if [ ! -f "$MARK" ]; then
        say "not started by us, left alone"
        return
    fi
    pid=$(<"$MARK")
    if ! grep -qa dockerd "/proc/$pid/cmdline" 2>/dev/null; then
        rm -f "$MARK"
        say "had stopped already"
        return
    fi
    as_root kill "$pid"
    for ((i = 0; i < 600; i++)); do
        if [ ! -d "/proc/$pid" ]; then
            rm -f "$MARK"
            say "stopped"
            return
        fi
        sleep 0.05
    done
    die "dockerd (pid $pid) still runs after 30 s"
}

status() {
    local version
    if version=$(answers); then
        say "version $version answers$([ -f "$MARK" ] && echo ", started by us")"
    else
        say "none answers"
        exit 3
    fi
}

case ${1:-} in
    start | stop | status) "$1" ;;
    *) echo "usage: engine.sh start|stop|status" >&2; exit 2 ;;
esac
