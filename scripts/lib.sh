# What the scripts share. They work as root on a fresh Debian 12 with a Swift toolchain, and as any
# user where everything is installed already.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
export PATH=$PATH:/usr/sbin:/sbin
# A toolchain that is not in PATH, at the places where it usually is.
command -v swift >/dev/null || for place in /usr/share/swift /opt/swift /usr/local/swift; do
    [ -x "$place/usr/bin/swift" ] && PATH=$place/usr/bin:$PATH
done
command -v swift >/dev/null || { echo "no Swift toolchain in PATH" >&2; exit 4; }

say() { printf '\n== %s\n' "$*"; }

# What has to be ended when the script ends, the last one first.
STARTED=()
stop_started() {
    local i
    for ((i = ${#STARTED[@]} - 1; i >= 0; i--)); do
        kill "${STARTED[i]}" 2>/dev/null && wait "${STARTED[i]}" 2>/dev/null || true
    done
    STARTED=()
}

# wait_for SECONDS COMMAND…: asks again until the command succeeds.
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

# install PACKAGE…: by apt, only what is missing, and without starting a daemon.
install() {
    local package missing=() policy=/usr/sbin/policy-rc.d ours=
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    if [ "$(id -u)" != 0 ]; then
        echo "not installed, and only root can: apt-get install ${missing[*]}" >&2
        exit 4
    fi
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
        ours=1
    fi
    export DEBIAN_FRONTEND=noninteractive
    local status=0
    { apt-get update -q && apt-get install -y -q --no-install-recommends "${missing[@]}"; } \
        </dev/null >"${TMPDIR:-/tmp}/registry-proxy-apt.log" 2>&1 || status=$?
    [ -z "$ours" ] || rm -f $policy
    if [ $status != 0 ]; then
        tail -n 30 "${TMPDIR:-/tmp}/registry-proxy-apt.log" >&2
        exit 4
    fi
}

# What a build needs beside the toolchain.
BUILD_PACKAGES=(libssl-dev libldap2-dev libyaml-dev libcrypt-dev zlib1g-dev)

# audit_program: sets PROXY to REGISTRY_PROXY_BINARY, or builds the release.
audit_program() {
    PROXY=${REGISTRY_PROXY_BINARY-}
    [ -z "$PROXY" ] || return 0
    say "building the release binary"
    swift build -c release --product registry-proxy
    PROXY=$(swift build -c release --show-bin-path)/registry-proxy
}
