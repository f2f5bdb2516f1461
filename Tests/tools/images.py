#!/usr/bin/env python3
"""Images from nothing, as OCI layouts (byte for byte the same each time).

    images.py DIR

    small/     one gzip layer, tag v1
    big/       BIG_LAYERS (3) layers of BIG_MIB (8) MiB of random data each, tag v1
    many/      40 tiny layers, tag v1
    multi/     index with linux/amd64, linux/arm64, linux/arm/v7, tag v1
    artifact/  a plain image (tag v1) and two OCI artifacts that name it in `subject` (sbom, sig)
    rootfs.tar a root file system for `docker import`

Prints one line per reference: layout, tag, digest, size."""
import gzip
import hashlib
import io
import json
import os
import random
import sys
import tarfile

ROOT = sys.argv[1]
BIG_MIB = int(os.environ.get("BIG_MIB", "8"))
BIG_LAYERS = int(os.environ.get("BIG_LAYERS", "3"))
M = "application/vnd.oci.image."


class Layout:
    def __init__(self, name):
        self.dir = os.path.join(ROOT, name)
        os.makedirs(os.path.join(self.dir, "blobs/sha256"), exist_ok=True)
        self.name, self.entries = name, []
        with open(os.path.join(self.dir, "oci-layout"), "w") as f:
            f.write('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, data, media_type, **extra):
        h = hashlib.sha256(data).hexdigest()
        p = os.path.join(self.dir, "blobs/sha256", h)
        if not os.path.exists(p):
            with open(p + ".tmp", "wb") as f:
                f.write(data)
            os.rename(p + ".tmp", p)
        return {"mediaType": media_type, "digest": "sha256:" + h, "size": len(data), **extra}

    def json(self, obj, media_type, **extra):
        return self.blob(json.dumps(obj, separators=(",", ":"), ensure_ascii=False).encode(), media_type, **extra)

    def tag(self, desc, tag):
        d = dict(desc)
        d["annotations"] = {**d.get("annotations", {}), "org.opencontainers.image.ref.name": tag}
        self.entries.append(d)
        print(self.name, tag, desc["digest"], desc["size"])

    def close(self):
        with open(os.path.join(self.dir, "index.json"), "w") as f:
            json.dump({"schemaVersion": 2, "mediaType": M + "index.v1+json", "manifests": self.entries}, f)


def tar(files):
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode="w", format=tarfile.PAX_FORMAT) as t:
        for name, data in files:
            i = tarfile.TarInfo(name)
            i.size, i.mode, i.mtime = len(data), 0o644, 1700000000
            t.addfile(i, io.BytesIO(data))
    return b.getvalue()


def gz(data, level=6):
    b = io.BytesIO()
    with gzip.GzipFile(fileobj=b, mode="wb", compresslevel=level, mtime=0, filename="") as g:
        g.write(data)
    return b.getvalue()


def image(lay, tars, arch="amd64", variant=None, level=6, env=()):
    layers, diffs = [], []
    for t in tars:
        diffs.append("sha256:" + hashlib.sha256(t).hexdigest())
        layers.append(lay.blob(gz(t, level), M + "layer.v1.tar+gzip"))
    cfg = {"created": "2023-11-14T22:13:20Z", "architecture": arch, "os": "linux",
           "config": {"Env": ["PATH=/bin", *env], "Cmd": ["/bin/true"], "Labels": {"made-by": "images.py"}},
           "rootfs": {"type": "layers", "diff_ids": diffs},
           "history": [{"created": "2023-11-14T22:13:20Z", "created_by": f"layer {i}"} for i in range(len(tars))]}
    if variant:
        cfg["variant"] = variant
    c = lay.json(cfg, M + "config.v1+json")
    man = {"schemaVersion": 2, "mediaType": M + "manifest.v1+json", "config": c, "layers": layers}
    return lay.json(man, M + "manifest.v1+json")


os.makedirs(ROOT, exist_ok=True)

l = Layout("small")
l.tag(image(l, [tar([("hello.txt", b"hello\n"), ("etc/os-release", b"ID=test\n")])]), "v1")
l.close()

l = Layout("many")
l.tag(image(l, [tar([(f"f{i}", f"layer {i}\n".encode())]) for i in range(40)]), "v1")
l.close()

l = Layout("big")
l.tag(image(l, [tar([(f"random{i}", random.Random(1000 + i).randbytes(BIG_MIB << 20))]) for i in range(BIG_LAYERS)], level=0), "v1")
l.close()

l = Layout("multi")
kids = []
for arch, variant in (("amd64", None), ("arm64", "v8"), ("arm", "v7")):
    m = image(l, [tar([("arch", f"{arch}{variant or ''}\n".encode())])], arch, variant)
    m["platform"] = {"architecture": arch, "os": "linux", **({"variant": variant} if variant else {})}
    kids.append(m)
l.tag(l.json({"schemaVersion": 2, "mediaType": M + "index.v1+json", "manifests": kids}, M + "index.v1+json"), "v1")
l.close()

l = Layout("artifact")
subject = image(l, [tar([("subject.txt", b"I am the subject\n")])])
l.tag(subject, "v1")
empty = l.blob(b"{}", "application/vnd.oci.empty.v1+json")
for tag, atype, body in (("sbom", "application/spdx+json", b'{"spdxVersion":"SPDX-2.3"}'),
                         ("sig", "application/vnd.example.signature", b"not really a signature")):
    a = {"schemaVersion": 2, "mediaType": M + "manifest.v1+json", "artifactType": atype, "config": empty,
         "layers": [l.blob(body, atype, annotations={"org.opencontainers.image.title": tag})],
         "subject": {k: subject[k] for k in ("mediaType", "digest", "size")},
         "annotations": {"org.opencontainers.image.created": "2023-11-14T22:13:20Z"}}
    l.tag(l.json(a, M + "manifest.v1+json"), tag)
l.close()

with open(os.path.join(ROOT, "rootfs.tar"), "wb") as f:
    f.write(tar([("etc/os-release", b"ID=test\n"), ("data", random.Random(7).randbytes(5 << 20))]))
