#!/usr/bin/env python3
"""reloadstorm.py PID CONFIGURATION PORT [SIGNALS] [SECONDS]: signals the proxy to reload, with other
rules each time, while 100 clients pull and 20 push through it. Prints what became of it as one JSON
object. The environment has REG_USER, REG_PASS and REPOSITORY, which the rules must allow all."""
import base64
import collections
import hashlib
import http.client
import json
import os
import signal
import sys
import threading
import time

PULLS, PUSHES = 100, 20
SMALL, LARGE = 32 << 10, 4 << 20
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Client:
    """One connection, and one login."""

    def __init__(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
        login = f"{os.environ['REG_USER']}:{os.environ['REG_PASS']}"
        self.login = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()}

    def ask(self, method, target, expected, body=None, pace=0, **fields):
        """The answer's fields and body, or an error that says what was wrong."""
        fields = {name.replace("_", "-"): value for name, value in fields.items()}
        self.connection.request(method, target, body=body, headers=fields | self.login)
        answer = self.connection.getresponse()
        pieces = []
        while piece := answer.read(256 << 10):
            pieces.append(piece)
            time.sleep(pace)
        text = b"".join(pieces)
        if answer.status != expected:
            raise RuntimeError(f"{method} {target}: {answer.status} {text[:300]!r}")
        return answer.headers, text

    def push_blob(self, content):
        digest = sha256(content)
        fields, _ = self.ask("POST", f"/v2/{REPOSITORY}/blobs/uploads/", 202)
        fields, _ = self.ask("PATCH", path(fields["Location"]), 202, content,
                             Content_Type="application/octet-stream")
        place = path(fields["Location"])
        self.ask("PUT", place + ("&" if "?" in place else "?") + "digest=" + digest, 201)
        return digest

    def push(self, tag, content):
        config = b'{"architecture":"amd64","os":"linux","tag":"%s"}' % tag.encode()
        layer = self.push_blob(content)
        body = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                       "digest": self.push_blob(config), "size": len(config)},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar",
                        "digest": layer, "size": len(content)}]}).encode()
        self.ask("PUT", f"/v2/{REPOSITORY}/manifests/{tag}", 201, body, Content_Type=MANIFEST)

    def pull(self, tag, pace):
        _, text = self.ask("GET", f"/v2/{REPOSITORY}/manifests/{tag}", 200, Accept=MANIFEST)
        layer = json.loads(text)["layers"][0]["digest"]
        _, content = self.ask("GET", f"/v2/{REPOSITORY}/blobs/{layer}", 200, pace=pace)
        if sha256(content) != layer:
            raise RuntimeError(f"{layer} came changed")


class Crowd:
    """The clients, until `stop`."""

    def __init__(self, first_tag):
        self.is_over = threading.Event()
        self.done = collections.Counter()
        self.failures = []
        self.threads = [threading.Thread(target=self.work, args=(number, first_tag))
                        for number in range(PULLS + PUSHES)]
        for thread in self.threads:
            thread.start()

    def work(self, number, first_tag):
        try:
            client = Client()
            count = 0
            while not self.is_over.is_set():
                count += 1
                if number >= PULLS:
                    content = hashlib.shake_256(f"{number}-{first_tag}-{count}".encode())
                    client.push(f"{first_tag}-{number}-{count}", content.digest(SMALL))
                    self.done["pushes"] += 1
                else:
                    # Every fifth takes a second, so that reloads come in the middle of it.
                    is_slow = number % 5 == 0
                    client.pull("large" if is_slow else "small", 1 / 16 if is_slow else 0)
                    self.done["pulls"] += 1
            client.connection.close()
        except Exception as error:
            self.failures.append(f"{type(error).__name__}: {error}")

    def stop(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join()


def sha256(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def path(location):
    return "/" + location.split("/", 3)[3] if "://" in location else location


def figures():
    """How many descriptors the proxy has open, and its memory in KiB."""
    status = open(f"/proc/{PID}/status").read()
    return (len(os.listdir(f"/proc/{PID}/fd")),
            int(status.split("VmRSS:")[1].split()[0]))


def settled():
    """The figures once they no longer fall, as connections are closed and memory given back."""
    least, since = figures(), time.monotonic()
    while time.monotonic() - since < 5:
        time.sleep(0.2)
        now = figures()
        if now[0] < least[0] or now[1] < least[1]:
            least, since = (min(now[0], least[0]), min(now[1], least[1])), time.monotonic()
    return figures()


def rewrite(text, number):
    """The configuration with rules of its own for each number: more and fewer, allowing and
    denying, before and behind the rule that the clients live by."""
    rules = "".join(
        f'    - {{ id: r{number}-{index}, who: ["user:u{number}"], repos: ["r{number}/{index}/**"], '
        f'{"allow: [push]" if index % 2 else "deny: [overwrite]"} }}\n'
        for index in range(1 + number % 40))
    if number % 2:
        changed = text.replace("  rules:\n", "  rules:\n" + rules)
    else:
        changed = text.replace("  # end of rules\n", rules)
    assert changed != text
    with open(CONFIGURATION + ".new", "w") as file:
        file.write(changed)
    os.rename(CONFIGURATION + ".new", CONFIGURATION)


def main():
    text = open(CONFIGURATION).read()
    fresh = figures()
    client = Client()
    client.push("small", hashlib.shake_256(b"small").digest(SMALL))
    client.push("large", hashlib.shake_256(b"large").digest(LARGE))
    client.connection.close()
    # What 120 clients need, and reloading, without a storm.
    crowd = Crowd("before")
    for number in range(WARM_UP):
        rewrite(text, number)
        os.kill(PID, signal.SIGHUP)
        time.sleep(0.1)
    crowd.stop()
    failures = crowd.failures
    before = settled()
    crowd = Crowd("storm")
    start = time.monotonic()
    for number in range(SIGNALS):
        rewrite(text, number + 1000)
        os.kill(PID, signal.SIGHUP)
        time.sleep(max(0, start + (number + 1) * SECONDS / SIGNALS - time.monotonic()))
    took = time.monotonic() - start
    crowd.stop()
    after = settled()
    print(json.dumps({
        "signals": SIGNALS, "seconds": round(took, 2), "pulls": crowd.done["pulls"],
        "pushes": crowd.done["pushes"], "failures": (failures + crowd.failures)[:10],
        "descriptors": {"fresh": fresh[0], "before": before[0], "after": after[0]},
        "memory_kib": {"fresh": fresh[1], "before": before[1], "after": after[1]}}))


PID, CONFIGURATION, PORT = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
SIGNALS = int(sys.argv[4]) if len(sys.argv) > 4 else 1000
SECONDS = float(sys.argv[5]) if len(sys.argv) > 5 else 10
WARM_UP = 40
REPOSITORY = os.environ["REPOSITORY"]
main()
