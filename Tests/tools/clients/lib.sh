# What the client flows share. A flow is started by IntegrationTests with this environment:
#
#   WORK        a directory of the flow's own
#   IMAGES      the layouts that images.py made
#   PORT        the proxy's TLS port on 127.0.0.1
#   PORT6       the same on ::1
#   CA_FILE     the CA of the proxy's certificate
#   REG_USER    a user that may do everything below $NS
#   REG_PASS    the password
#   NS          prefix of repository names
#
# It exits 0, with the status of the first step that failed, or with 77 when the machine cannot run
# the client at all; the reason is then the last line on standard error.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOOLS=$(dirname "$HERE")
HOST=127.0.0.1:$PORT
export PATH=/usr/bin:/bin:/usr/sbin:/sbin:$PATH HOME=$WORK/home
mkdir -p "$WORK/certs" "$WORK/nocerts" "$HOME"
cp "$CA_FILE" "$WORK/certs/ca.crt"

die() { printf 'FAIL: %s\n' "$*" >&2; exit 1; }
skip() { printf '%s\n' "$*" >&2; exit 77; }

# step NAME COMMAND…: the command must succeed. Its output is in OUT, and shown only when it fails.
# Some clients wait for ever on an answer they did not expect, so each step has a limit.
limited() { if [ "$(type -t "$1")" = file ]; then timeout -k 5 90 "$@"; else "$@"; fi; }
step() {
    local name=$1 status=0
    shift
    OUT=$(limited "$@" 2>&1) || status=$?
    [ $status = 0 ] || { printf '%s\n' "$OUT" | tail -n 40 >&2; die "$name (status $status): $*"; }
    printf 'ok   %s\n' "$name"
}

# must_fail NAME REGEX COMMAND…: the command must fail, and say so.
must_fail() {
    local name=$1 pattern=$2 status=0
    shift 2
    OUT=$(limited "$@" 2>&1) || status=$?
    [ $status != 0 ] || die "$name: succeeded, but must fail: $*"
    [ $status != 124 ] || die "$name: no end within the limit: $*"
    grep -Eiq -- "$pattern" <<<"$OUT" || die "$name: failed otherwise than with /$pattern/: $OUT"
    printf 'ok   %s (refused)\n' "$name"
}

# expect NAME WANTED GOT
expect() { [ "$2" = "$3" ] || die "$1: wanted '$2', got '$3'"; printf 'ok   %s\n' "$1"; }

# wait_for SECONDS COMMAND…: asks again until the command succeeds.
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; read -rt 0.1 <> <(:) || true; done
}

# The digest that images.py gave a reference: digest_of LAYOUT [TAG]
digest_of() {
    jq -r --arg t "${2:-v1}" \
        '[.manifests[]|select(.annotations["org.opencontainers.image.ref.name"]==$t)][0].digest' \
        "$IMAGES/$1/index.json"
}

# What a client pushed, read back through the proxy: verify REPOSITORY REFERENCE [ARGUMENTS]
verify() { "$TOOLS/verify.py" "$@"; }

# python_client PACKAGE==VERSION…: a Python in $PYTHON that has the packages. scripts/test has made one
# for all flows; without it the flow makes its own.
python_client() {
    PYTHON=${CLIENTS_PYTHON:-$WORK/venv/bin/python}
    [ -x "$PYTHON" ] || python3 -m venv "$WORK/venv" >/dev/null 2>&1 ||
        skip "python3 cannot make a virtual environment here (python3-venv)"
    "$PYTHON" -m pip install -q --disable-pip-version-check "$@" >"$WORK/pip" 2>&1 ||
        skip "pip cannot install $*: $(tail -n 1 "$WORK/pip")"
}

# Runs the rest of the flow in a mount namespace of its own, where bind lays a directory or file
# over another: clients keep caches, certificates and host names in fixed places.
private_mounts() {
    [ -z "${IN_NAMESPACE:-}" ] || return 0
    unshare -m --propagation private true 2>/dev/null || skip "no mount namespaces here (needs root)"
    IN_NAMESPACE=1 exec unshare -m --propagation private "$0" "$@"
}
bind() { mount --bind "$2" "$1"; }
# containers/image remembers where it saw a blob, and mounts it from there instead of sending it.
own_container_cache() { mkdir -p /var/lib/containers "$WORK/lib"; bind /var/lib/containers "$WORK/lib"; }
