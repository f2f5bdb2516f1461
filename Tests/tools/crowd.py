"""Clients that pull and push through the proxy, many at once, until they are told to stop. The environment has
REG_USER, REG_PASS and REPOSITORY, which the rules must allow all. For reloadstorm.py, handover.py and
tlscrowd.py."""
import base64
import collections
import hashlib
import http.client
import json
import os
import threading
import time

SMALL, LARGE = 32 << 10, 4 << 20
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
REPOSITORY = os.environ["REPOSITORY"]


class Client:
    """One connection, and one login."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
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

    def __init__(self, port, first_tag, pulls=100, pushes=20):
        self.port, self.pulls = port, pulls
        self.is_over = threading.Event()
        self.done = collections.Counter()
        self.failures = []
        self.threads = [threading.Thread(target=self.work, args=(number, first_tag))
                        for number in range(pulls + pushes)]
        for thread in self.threads:
            thread.start()

    def work(self, number, first_tag):
        try:
            client = Client(self.port)
            count = 0
            while not self.is_over.is_set():
                count += 1
                if number >= self.pulls:
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


def prepare(port):
    """Pushes what is pulled."""
    client = Client(port)
    client.push("small", hashlib.shake_256(b"small").digest(SMALL))
    client.push("large", hashlib.shake_256(b"large").digest(LARGE))
    client.connection.close()
