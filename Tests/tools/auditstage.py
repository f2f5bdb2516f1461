"""docker-registry, a proxy with an audit trail in front of it, and a client; for the tools audit*.py."""
import base64, glob, hashlib, http.client, json, os, socket, subprocess, sys, time

MEDIA = "application/vnd.oci.image.manifest.v1+json"
CONFIG = b"{}"
CONFIG_DIGEST = "sha256:" + hashlib.sha256(CONFIG).hexdigest()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def login(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def manifest(note):
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": CONFIG_DIGEST, "size": len(CONFIG)}
    return json.dumps({"schemaVersion": 2, "mediaType": MEDIA, "config": config, "layers": [],
                       "annotations": {"n": note}}).encode()


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Stage:
    """The trail lies in `trail` with the given keys beside its path.

    auth: more keys of that section; access: where its log goes; more: whole sections of the configuration.
    """

    def __init__(self, program, home, keys="", trail=None, auth="", access="off", more=""):
        self.program, self.home = program, os.path.abspath(home)
        self.trail = os.path.abspath(trail or home)
        self.port, self.proxy = free_port(), None
        os.makedirs(self.home, exist_ok=True)
        self.registry_port = registry_port = free_port()
        # Quick to check, so that there are pushes soon after each start.
        code = subprocess.run(["openssl", "passwd", "-5", "secret"], capture_output=True, text=True,
                              check=True).stdout
        os.chmod(self.write("users", f"pusher:{code}"), 0o600)
        self.write("registry.yml", f"""version: 0.1
log: {{ accesslog: {{ disabled: true }}, level: error }}
storage: {{ filesystem: {{ rootdirectory: {self.home}/storage }}, delete: {{ enabled: true }} }}
http: {{ addr: "127.0.0.1:{registry_port}" }}
""")
        self.write("config.yaml", f"""listen: [{{ address: "127.0.0.1:{self.port}" }}]
upstream: {{ url: "http://127.0.0.1:{registry_port}" }}
auth: {{ htpasswd: {{ file: users }}{auth} }}
access: {{ rules: [{{ id: load, who: [authenticated], repos: ["load/**"], allow: [all] }}] }}
log:
  access: {{ path: "{access}" }}
  audit: {{ path: "{self.trail}/audit.log", signing_key_file: audit.key{keys} }}
{more}
""")
        self.registry = subprocess.Popen(["docker-registry", "serve", f"{self.home}/registry.yml"],
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def write(self, name, text):
        with open(os.path.join(self.home, name), "w") as f:
            f.write(text)
        return os.path.join(self.home, name)

    def start(self):
        log = open(f"{self.home}/events.log", "ab")
        arguments = [self.program, "serve", "--config", f"{self.home}/config.yaml"]
        self.proxy = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=log)
        while self.proxy.poll() is None:
            try:
                if self.request("GET", "/healthz").status == 200:
                    return
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)
        sys.exit(f"the proxy did not start: {open(log.name).read()[-2000:]}")

    def stop(self):
        for process in (self.proxy, self.registry):
            if process is not None and process.poll() is None:
                process.terminate()
                process.wait()

    def request(self, method, target, body=None, fields={}, user=login("pusher", "secret"), port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=60)
        try:
            connection.request(method, target, body, {**user, **fields})
            answer = connection.getresponse()
            answer.content = answer.read()
            return answer
        finally:
            connection.close()

    def push_config(self, repository="load/x"):
        while True:
            answer = self.request("POST", f"/v2/{repository}/blobs/uploads/")
            if answer.status == 202:
                break
            time.sleep(0.05)
        place = answer.headers["Location"]
        done = self.request("PUT", f"{place[place.index('/v2/'):]}&digest={CONFIG_DIGEST}", CONFIG)
        assert done.status == 201, done.content

    def push(self, tag, data, repository="load/x"):
        return self.request("PUT", f"/v2/{repository}/manifests/{tag}", data, {"Content-Type": MEDIA})

    def files(self):
        return sorted(glob.glob(f"{self.trail}/audit*.log") + glob.glob(f"{self.trail}/audit*.log.gz"))

    def verify(self, *options):
        arguments = [self.program, "audit", "verify", *options, *self.files()]
        return subprocess.run(arguments, capture_output=True, text=True)

    def public_key(self):
        path = f"{self.home}/audit.pub"
        subprocess.run(["openssl", "pkey", "-in", f"{self.home}/audit.key", "-pubout", "-out", path], check=True)
        return path

    def records(self):
        arguments = [self.program, "audit", "query", "--format", "json", *self.files()]
        lines = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.splitlines()
        return [json.loads(line) for line in lines]
