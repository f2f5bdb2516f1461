#!/usr/bin/env python3
"""Plays the cases of the distribution specification's conformance suite against two ports and prints
where the answers differ: a registry, and the proxy before another one that is as empty.

    conformance.py REGISTRY_PORT PROXY_PORT USER:PASSWORD

Compared are status, error code and the fields that clients act on; of lists of tags the order is the
proxy's own. Exit status 1 if anything differs."""
import base64
import hashlib
import http.client
import json
import re
import sys

REPOSITORY, OTHER = "conformance/repository", "conformance/other"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
BINARY = {"Content-Type": "application/octet-stream"}
FIELDS = ["docker-content-digest", "range", "etag", "accept-ranges", "content-range", "location",
          "docker-distribution-api-version", "docker-upload-uuid"]
# What 2.8 says in a text of its own, or not at all, and the proxy in the words of the specification.
OURS = {"referrers": (404, "MANIFEST_UNKNOWN"), "a name that is none": (400, "NAME_INVALID"),
        "a method that is none": (405, "UNSUPPORTED")}


def digest(body):
    return "sha256:" + hashlib.sha256(body).hexdigest()


def described(body, media_type):
    return {"mediaType": media_type, "size": len(body), "digest": digest(body)}


CONFIG = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
LAYER, LAYER2, CHUNKED = b"a layer", b"another layer" * 100, b"0123456789" * 30
ABSENT = digest(b"nothing")


def manifest(layer, **more):
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST,
                       "config": described(CONFIG, "application/vnd.oci.image.config.v1+json"),
                       "layers": [described(layer, "application/vnd.oci.image.layer.v1.tar")],
                       **more}).encode()


class Side:
    """One of the two: asks, and remembers what came."""

    def __init__(self, port, login=None):
        self.port, self.answers, self.location = port, [], ""
        self.login = login and "Basic " + base64.b64encode(login.encode()).decode()

    def ask(self, name, method, path, body=None, fields=None):
        fields = dict(fields or {})
        if self.login:
            fields["Authorization"] = self.login
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, fields,
                           encode_chunked="Transfer-Encoding" in fields)
        answer = connection.getresponse()
        try:
            content = answer.read()
        except http.client.IncompleteRead:  # 2.8 promises a body with 416 and sends none
            content = b""
        connection.close()
        self.location = re.sub("https?://[^/]*", "", answer.getheader("Location") or "")
        try:
            code = json.loads(content)["errors"][0]["code"]
        except (ValueError, KeyError, TypeError):
            code = ""
        kept = {name: self.plain(answer.getheader(name)) for name in FIELDS}
        list_of_tags = sorted(json.loads(content)["tags"]) if name == "tags" else None
        self.answers.append((name, answer.status, code, kept, list_of_tags))
        return answer.status, answer.getheader("Link"), content

    @staticmethod
    def plain(value):
        """Without what differs from one session to the next."""
        value = re.sub("https?://[^/]*|&?_pt=[^&]*", "", value or "")
        return re.sub("_state=[^&]*", "_state", re.sub("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
                                                       "UUID", value))

    def begin(self, repository=REPOSITORY):
        self.ask("upload", "POST", f"/v2/{repository}/blobs/uploads/", b"")
        return self.location

    def put(self, name, location, body, value, fields=BINARY):
        mark = "&" if "?" in location else "?"
        self.ask(name, "PUT", f"{location}{mark}digest={value}", body, fields)


def push_blobs(side):
    side.put("monolithic", side.begin(), LAYER, digest(LAYER))
    side.ask("single POST", "POST", f"/v2/{REPOSITORY}/blobs/uploads/?digest={digest(LAYER2)}",
             LAYER2, BINARY)
    if side.answers[-1][1] == 202:
        side.put("single POST, then PUT", side.location, LAYER2, digest(LAYER2))
    side.put("another digest", side.begin(), LAYER, ABSENT)
    side.put("a digest that is none", side.begin(), LAYER, "sha256:zz")
    side.ask("no digest", "PUT", side.begin(), LAYER, BINARY)
    side.put("an escaped digest", side.begin(), CONFIG, digest(CONFIG).replace(":", "%3A"))
    first = side.begin()
    side.ask("status of nothing", "GET", first)
    side.ask("chunk", "PATCH", first, CHUNKED[:150], {**BINARY, "Content-Range": "0-149"})
    second = side.location
    side.ask("status", "GET", second)
    side.ask("chunk out of order", "PATCH", first, CHUNKED[:150],
             {**BINARY, "Content-Range": "0-149"})
    side.ask("last chunk", "PATCH", second, CHUNKED[150:], {**BINARY, "Content-Range": "150-299"})
    side.put("end of chunks", side.location, b"", digest(CHUNKED), {})
    side.ask("streamed", "PATCH", side.begin(), iter([b"a", b"bc"]),
             {**BINARY, "Transfer-Encoding": "chunked"})
    side.put("last chunk with PUT", side.location, b"d", digest(b"abcd"))
    cancelled = side.begin()
    for name, method in [("cancel", "DELETE"), ("cancelled", "GET"), ("again", "DELETE")]:
        side.ask(name, method, cancelled)
    mount = f"/v2/{OTHER}/blobs/uploads/?mount="
    side.ask("mount", "POST", f"{mount}{digest(LAYER)}&from={REPOSITORY}", b"")
    side.ask("mounted", "HEAD", f"/v2/{OTHER}/blobs/{digest(LAYER)}")
    side.ask("mount of nothing", "POST", f"{mount}{ABSENT}&from={REPOSITORY}", b"")
    side.ask("mount from nowhere", "POST", f"{mount}{digest(LAYER2)}", b"")


def pull_blobs(side):
    blob = f"/v2/{REPOSITORY}/blobs/"
    for method in ["HEAD", "GET"]:
        for value in [digest(LAYER), digest(LAYER2), digest(CHUNKED), ABSENT, "sha256:12"]:
            side.ask("blob", method, blob + value)
    for wanted in ["bytes=2-5", "bytes=-3", "bytes=900-"]:
        side.ask("part", "GET", blob + digest(LAYER), None, {"Range": wanted})
    side.ask("unchanged", "GET", blob + digest(LAYER), None, {"If-None-Match": f'"{digest(LAYER)}"'})


def manifests(side):
    path = f"/v2/{REPOSITORY}/manifests/"
    one, two = manifest(LAYER), manifest(LAYER2)
    for number in range(12):
        side.ask("tag", "PUT", f"{path}tag{number}", one, {"Content-Type": MANIFEST})
    signature = manifest(LAYER2, subject=described(one, MANIFEST), artifactType="a/b")
    fallback = "sha256-" + digest(one)[7:]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX,
                        "manifests": [described(signature, MANIFEST)]}).encode()
    for name, reference, body, media_type in [
            ("by digest", digest(two), two, MANIFEST), ("another digest", ABSENT, two, MANIFEST),
            ("missing blob", "missing", manifest(b"nothing"), MANIFEST),
            ("garbage", "garbage", b"{]", MANIFEST),
            ("with a subject", digest(signature), signature, MANIFEST), ("fallback", fallback, index, INDEX)]:
        side.ask(name, "PUT", path + reference, body, {"Content-Type": media_type})
    for method in ["HEAD", "GET"]:
        for reference in ["tag0", digest(one), ABSENT, "none", fallback]:
            side.ask("manifest", method, path + reference, None, {"Accept": f"{MANIFEST}, {INDEX}"})
    side.ask("referrers", "GET", f"/v2/{REPOSITORY}/referrers/{digest(one)}")
    side.ask("tags", "GET", f"/v2/{REPOSITORY}/tags/list")
    side.ask("tags of nothing", "GET", "/v2/conformance/none/tags/list")


def deletes(side):
    path, one = f"/v2/{REPOSITORY}", digest(manifest(LAYER))
    for name, what in [("tag", "manifests/tag3"), ("manifest", f"manifests/{one}"),
                       ("manifest again", f"manifests/{one}"), ("blob", f"blobs/{digest(LAYER)}"),
                       ("blob again", f"blobs/{digest(LAYER)}")]:
        side.ask(f"delete {name}", "DELETE", f"{path}/{what}")
        side.ask("afterwards", "GET", f"{path}/{what}", None, {"Accept": MANIFEST})
    side.ask("tags", "GET", f"{path}/tags/list")


def play(side):
    side.ask("base", "GET", "/v2/")
    push_blobs(side)
    pull_blobs(side)
    manifests(side)
    deletes(side)
    side.ask("a name that is none", "GET", "/v2/UPPER/tags/list")
    side.ask("a method that is none", "POST", f"/v2/{REPOSITORY}/tags/list", b"")


def page_tags(side):
    """Paging, which 2.8 does not have: all of them, in order, none twice."""
    wanted = [f"page{number:02}" for number in range(7)]
    for body in [CONFIG, LAYER2]:
        side.put("blob", side.begin(OTHER), body, digest(body))
    for tag in reversed(wanted):
        side.ask("tag", "PUT", f"/v2/{OTHER}/manifests/{tag}", manifest(LAYER2),
                 {"Content-Type": MANIFEST})
    wrong = []
    for size in range(1, 9):
        link, seen, pages = f"</v2/{OTHER}/tags/list?n={size}>", [], 0
        while link and pages < 20:
            path = re.match("<([^>]*)>", link)[1]
            _, link, content = side.ask("page", "GET", path)
            page = json.loads(content)["tags"]
            seen, pages = seen + page + ["too long"] * (len(page) > size), pages + 1
        if seen != wanted:
            wrong.append(f"tags in pages of {size}: {seen}")
    return wrong


def main():
    direct, proxied = Side(int(sys.argv[1])), Side(int(sys.argv[2]), sys.argv[3])
    play(direct)
    play(proxied)
    wrong = []
    for theirs, ours in zip(direct.answers, proxied.answers):
        if OURS.get(ours[0]) == ours[1:3]:
            continue
        if theirs != ours:
            wrong.append(f"{ours[0]}: direct {theirs[1:]}, through the proxy {ours[1:]}")
    wrong += page_tags(proxied)
    print(f"{len(proxied.answers)} answers compared")
    for line in wrong:
        print(line)
    sys.exit(1 if wrong else 0)


main()
