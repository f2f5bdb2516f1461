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

# usage: what the script's first comment says, and exit status 2.
usage() {
    sed -n '2,${ /^#/!q; s/^# \{0,1\}//p }' "$ROOT/scripts/$(basename "$0")" >&2
    exit 2
}

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

# release_program: sets PROXY to the release binary; builds it, unless PROXY names one already.
release_program() {
    if [ -z "${PROXY:-}" ]; then
        install "${BUILD_PACKAGES[@]}" >&2
        say "building the release binary" >&2
        swift build -c release --static-swift-stdlib --product registry-proxy >&2
        PROXY=$(swift build -c release --static-swift-stdlib --show-bin-path)/registry-proxy
    fi
    PROXY=$(realpath "$PROXY")
    "$PROXY" version >/dev/null || { echo "cannot run $PROXY" >&2; exit 4; }
}

# source_date: exports SOURCE_DATE_EPOCH, unless it is set: when the last commit was made. Whatever is
# packed carries this time, so that the same sources give the same bytes.
source_date() {
    [ -n "${SOURCE_DATE_EPOCH:-}" ] || SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
    export SOURCE_DATE_EPOCH
}

# shipped_program FILE: the release binary as packages have it, without symbols and without a place
# beside itself where libraries are looked for; and without the sections that tell in which directory
# it was built, if only by a hash.
shipped_program() {
    local section unwanted=()
    for section in .comment .note .note.gnu.build-id .swift_modhash; do
        unwanted+=("--remove-section=$section")
    done
    strip --strip-unneeded "${unwanted[@]}" -o "$1" "$PROXY"
    chrpath --delete "$1" >/dev/null
    chmod 755 "$1"
}

# package_of FILE: the Debian package that a library is from. /lib and /usr/lib are one directory, and
# packages name either.
package_of() {
    local file found
    file=$(realpath "$1")
    found=$(dpkg-query -S "$1" "$file" "${file#/usr}" 2>/dev/null | head -n 1) || true
    [ -n "$found" ] || { echo "$1 is from no package" >&2; exit 4; }
    found=${found%%: *}
    echo "${found%%:*}"
}

# small_image DIRECTORY: an image from nothing, as an OCI layout: one layer with one file, tag v1.
small_image() {
    mkdir -p "$1"
    python3 - "$1" <<'P'
import gzip, hashlib, io, json, os, sys, tarfile

root = sys.argv[1]
os.makedirs(root + "/blobs/sha256")


def blob(data, kind):
    name = hashlib.sha256(data).hexdigest()
    with open(f"{root}/blobs/sha256/{name}", "wb") as f:
        f.write(data)
    media = f"application/vnd.oci.image.{kind}"
    return {"mediaType": media, "digest": "sha256:" + name, "size": len(data)}


text = b"hello from the quickstart\n"
tar = io.BytesIO()
with tarfile.open(fileobj=tar, mode="w") as t:
    info = tarfile.TarInfo("hello.txt")
    info.size = len(text)
    t.addfile(info, io.BytesIO(text))
layer = blob(gzip.compress(tar.getvalue(), mtime=0), "layer.v1.tar+gzip")
diff = "sha256:" + hashlib.sha256(tar.getvalue()).hexdigest()
config = blob(json.dumps({"architecture": "amd64", "os": "linux",
                          "rootfs": {"type": "layers", "diff_ids": [diff]}}).encode(),
              "config.v1+json")
manifest = blob(json.dumps({"schemaVersion": 2, "config": config, "layers": [layer],
                            "mediaType": "application/vnd.oci.image.manifest.v1+json"}).encode(),
                "manifest.v1+json")
manifest["annotations"] = {"org.opencontainers.image.ref.name": "v1"}
with open(root + "/index.json", "w") as f:
    json.dump({"schemaVersion": 2, "manifests": [manifest]}, f)
with open(root + "/oci-layout", "w") as f:
    f.write('{"imageLayoutVersion":"1.0.0"}')
P
}

# free_port: a port of 127.0.0.1 on which nobody listens.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# passed WORDS… and failed WORDS…: one line for each thing that a check looked at. FAILED counts.
FAILED=0
passed() { echo "PASS  $*"; }
failed() {
    echo "FAIL  $*"
    FAILED=$((FAILED + 1))
}

# expect WORDS COMMAND…: passed if the command succeeds; else failed, with the end of what it said.
expect() {
    local words=$1 said
    shift
    if said=$("$@" 2>&1 </dev/null); then
        passed "$words"
    else
        failed "$words"
        tail -n 20 <<<"$said" | sed 's/^/      /'
    fi
}

# same WORDS WANTED FOUND: passed if the two texts are the same.
same() {
    if [ "$2" = "$3" ]; then
        passed "$1"
    else
        failed "$1"
        diff <(echo "$2") <(echo "$3") | sed 's/^/      /' || true
    fi
}

# start_registry DIRECTORY: docker-registry on 127.0.0.1, without TLS and without a login; sets REGISTRY_PORT.
start_registry() {
    REGISTRY_PORT=$(free_port)
    mkdir -p "$1"
    cat >"$1/registry.yml" <<C
version: 0.1
log: { accesslog: { disabled: true }, level: error }
storage: { filesystem: { rootdirectory: $1/storage } }
http: { addr: "127.0.0.1:$REGISTRY_PORT" }
C
    docker-registry serve "$1/registry.yml" >"$1/registry.log" 2>&1 </dev/null &
    STARTED+=($!)
    wait_for 20 curl -fs "http://127.0.0.1:$REGISTRY_PORT/v2/" || { cat "$1/registry.log" >&2; exit 4; }
}

# make_certificate DIRECTORY: cert.pem and key.pem there, for 127.0.0.1.
make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$1/key.pem" -out "$1/cert.pem" 2>/dev/null
    chmod 600 "$1/key.pem"
}

# start_proxy DIRECTORY [COMMAND…]: the program with DIRECTORY/config.yaml, started by COMMAND if there is one; its events go
# to DIRECTORY/events. Sets PID, and PORT to that of its first listener.
start_proxy() {
    local place=$1
    shift
    (cd "$place" && exec "$@" "$PROXY" serve --config config.yaml) 2>"$place/events" </dev/null &
    PID=$!
    STARTED+=($PID)
    wait_for 30 grep -q '"event":"ready"' "$place/events" || { cat "$place/events" >&2; exit 4; }
    PORT=$(ready_url "$place/events" listen | sed 's/.*://')
}

# ready_url FILE KEY: the first address of `listen` or `admin` in the event `ready`, without its scheme.
ready_url() {
    python3 - "$1" "$2" <<'P'
import json, sys

for line in open(sys.argv[1]):
    event = json.loads(line)
    if event["event"] == "ready":
        value = event[sys.argv[2]]
        print((value if isinstance(value, str) else value[0]).split("://")[1])
        break
P
}

# start_directory DIRECTORY: slapd on 127.0.0.1, without TLS. Each line of the standard input is a person's
# name, below ou=people,dc=example,dc=com, with the password secret-NAME. Sets DIRECTORY_PORT.
start_directory() {
    DIRECTORY_PORT=$(free_port)
    mkdir -p "$1/db"
    cat >"$1/slapd.conf" <<C
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile $1/slapd.pid
database mdb
maxsize 268435456
suffix dc=example,dc=com
directory $1/db
index uid eq
C
    {
        printf 'dn: dc=example,dc=com\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: x\n\n'
        printf 'dn: ou=people,dc=example,dc=com\nobjectClass: organizationalUnit\nou: people\n\n'
        local name
        while read -r name; do
            printf 'dn: uid=%s,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\n' "$name"
            printf 'uid: %s\ncn: %s\nsn: %s\nuserPassword: secret-%s\n\n' "$name" "$name" "$name" "$name"
        done
    } >"$1/people.ldif"
    slapadd -q -f "$1/slapd.conf" -l "$1/people.ldif"
    slapd -d 0 -f "$1/slapd.conf" -h "ldap://127.0.0.1:$DIRECTORY_PORT" >"$1/slapd.log" 2>&1 </dev/null &
    STARTED+=($!)
    wait_for 20 ldapsearch -x -H "ldap://127.0.0.1:$DIRECTORY_PORT" -b dc=example,dc=com -s base ||
        { cat "$1/slapd.log" >&2; exit 4; }
}
