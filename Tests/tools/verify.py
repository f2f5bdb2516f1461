#!/usr/bin/env python3
"""Checks what a client pushed, byte for byte, through the proxy.

    verify.py REPOSITORY REFERENCE [--layout DIR [--tag T]] [--expect-digest sha256:...]

Reads the manifest and everything below it (child manifests, config, layers) from
https://127.0.0.1:$PORT with the CA in $CA_FILE, as $REG_USER with $REG_PASS. Checks every digest
and size, that HEAD says what GET says, a range of each layer, and with --layout that each byte is
that of the layout. Prints the manifest's digest, the number of objects and of bytes."""
import argparse
import base64
import hashlib
import http.client
import json
import os
import ssl
import sys

ap = argparse.ArgumentParser()
ap.add_argument("repo"); ap.add_argument("ref")
ap.add_argument("--layout"); ap.add_argument("--tag"); ap.add_argument("--expect-digest")
a = ap.parse_args()
E = os.environ
ctx = ssl.create_default_context(cafile=E["CA_FILE"])
auth = "Basic " + base64.b64encode(f'{E["REG_USER"]}:{E["REG_PASS"]}'.encode()).decode()
con = http.client.HTTPSConnection("127.0.0.1", int(E["PORT"]), context=ctx)
MAN = ["application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json",
       "application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.distribution.manifest.list.v2+json"]
count = total = 0


def die(*m):
    print("verify.py: FAIL:", *m, file=sys.stderr); sys.exit(1)


def req(method, path, **h):
    con.request(method, path, headers={"Authorization": auth, **h})
    return con.getresponse()


def local(digest):
    out = []
    hexd = digest.split(":")[1]
    if a.layout:
        out.append(os.path.join(a.layout, "blobs/sha256", hexd))
    return out


def stream(kind, ref, size=None, digest=None, accept=None):
    global count, total
    path = f"/v2/{a.repo}/{kind}/{ref}"
    hd = {"Accept": ", ".join(accept)} if accept else {}
    r = req("HEAD", path, **hd); r.read()
    if r.status != 200: die("HEAD", path, r.status)
    hl, hdig = r.getheader("Content-Length"), r.getheader("Docker-Content-Digest")
    r = req("GET", path, **hd)
    if r.status != 200: die("GET", path, r.status, r.read()[:300])
    if (r.getheader("Content-Length"), r.getheader("Docker-Content-Digest")) != (hl, hdig):
        die(path, "HEAD and GET differ:", hl, hdig, r.getheader("Content-Length"), r.getheader("Docker-Content-Digest"))
    h, n, keep = hashlib.sha256(), 0, []
    want = digest or hdig
    files = [open(f, "rb") for f in local(want)]
    while True:
        c = r.read(1 << 20)
        if not c: break
        h.update(c); n += len(c)
        for f in files:
            if f.read(len(c)) != c: die(path, "differs from", f.name)
        if kind == "manifests": keep.append(c)
    for f in files:
        if f.read(1): die(path, "shorter than", f.name)
        f.close()
    got = "sha256:" + h.hexdigest()
    if got != want: die(path, "digest", got, "want", want)
    if hdig and got != hdig: die(path, "Docker-Content-Digest is", hdig, "body is", got)
    if size is not None and n != size: die(path, "size", n, "want", size)
    if hl is not None and int(hl) != n: die(path, "Content-Length", hl, "body", n)
    count += 1; total += n
    if kind == "blobs" and n > 1:
        lo, hi = n // 3, min(n - 1, n // 3 + 4096)
        r = req("GET", path, Range=f"bytes={lo}-{hi}")
        b = r.read()
        if r.status != 206 or len(b) != hi - lo + 1 or r.getheader("Content-Range") != f"bytes {lo}-{hi}/{n}":
            die(path, "range", r.status, len(b), r.getheader("Content-Range"))
        for f in local(want):
            with open(f, "rb") as fh:
                fh.seek(lo)
                if fh.read(len(b)) != b: die(path, "range differs from", f)
    return got, b"".join(keep), r


def manifest(ref, size=None, digest=None):
    d, body, _ = stream("manifests", ref, size, digest, MAN)
    m = json.loads(body)
    for c in m.get("manifests", []):
        manifest(c["digest"], c["size"], c["digest"])
    for c in ([m["config"]] if "config" in m else []) + m.get("layers", []):
        stream("blobs", c["digest"], c["size"], c["digest"])
    return d


want = a.expect_digest
if a.layout and not want:
    idx = json.load(open(os.path.join(a.layout, "index.json")))["manifests"]
    tag = a.tag or a.ref
    want = next(m["digest"] for m in idx if len(idx) == 1 or m.get("annotations", {}).get("org.opencontainers.image.ref.name") == tag)
d = manifest(a.ref, digest=None)
if want and d != want: die("manifest digest", d, "want", want)
print(d, count, "objects", total, "bytes")
