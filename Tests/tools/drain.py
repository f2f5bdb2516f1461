"""Ends a proxy with SIGTERM again and again while a large blob is pushed through it.

    drain.py PROGRAM DIRECTORY ROUNDS MIB SEED

Starts docker-registry once and PROGRAM for each round. The blob goes in one PUT with a length, or (every other round)
in one PATCH in chunks, which a PUT ends. The signal comes somewhere within the body, or shortly behind it. In two of
four rounds the client then slows down so much that it cannot end within `timeouts.drain`, and is cut.

Who got 202 for the PATCH may find nobody for the PUT: then the upload must go on at the registry, asked without the
proxy. It compares offset and digest with what it holds.
"""
import collections, contextlib, http.client, json, random, shutil, signal, subprocess, sys, threading, time

from auditstage import Stage, login
from blob import digest, pieces

ROUNDS, MIB, SEED = map(int, sys.argv[3:])
SIZE = MIB << 20
DIGEST = digest(SIZE)
DRAIN = 10
# From then on who is not done may be cut, so that the proxy ends in time.
CUT = DRAIN - 1
# MiB, more than sockets hold: when a client has sent them, the proxy has begun with the push.
HELD = 8
stage = Stage(sys.argv[1], sys.argv[2], access="access.log", more=f"timeouts: {{ drain: {DRAIN}s }}")


class Round:
    """One push, one signal, and what each side says of them."""

    def __init__(self, number):
        self.number, self.repository = number, f"load/r{number}"
        self.is_chunked, self.is_slow = number % 2 == 0, number % 4 > 1
        # MiB of the body before the signal, which in every fifth of the quick rounds comes behind it.
        self.moment = min(MIB, random.randrange(HELD, MIB - HELD if self.is_slow else MIB * 5 // 4))
        self.ending, self.answers, self.goes_on = None, [], None

    def run(self):
        stage.start()
        self.push()
        assert self.ending, f"the push was over before the signal: {self.answers}"
        self.ending.join()
        with open(f"{stage.home}/events.log") as events:
            self.last_words = events.readlines()[-1].strip()
        self.cut = json.loads(self.last_words)["cut"] if '"event":"stopped"' in self.last_words else -1
        self.ask_registry()
        shutil.rmtree(f"{stage.home}/storage", ignore_errors=True)

    def push(self):
        begun = stage.request("POST", f"/v2/{self.repository}/blobs/uploads/")
        assert begun.status == 202, f"begin: {begun.status}"
        if not self.is_chunked:
            self.send("PUT", f"{place(begun)}&digest={DIGEST}", self.body(), {"Content-Length": str(SIZE)})
        elif answer := self.send("PATCH", place(begun), self.body()):
            self.final = f"{place(answer)}&digest={DIGEST}"
            self.send("PUT", self.final, b"")

    def send(self, method, target, body, fields={}):
        """The answer, if it is one of success. Notes what the client saw."""
        connection = http.client.HTTPConnection("127.0.0.1", stage.port, timeout=3 * DRAIN)
        fields = {**fields, **login("pusher", "secret"), "Content-Type": "application/octet-stream"}
        try:
            connection.connect()
            # Who is cut while it sends may have an answer all the same.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, target, body, fields)
            answer = connection.getresponse()
            answer.read()
            self.answers.append(str(answer.status))
            return answer if answer.status < 300 else None
        except (OSError, http.client.HTTPException) as error:
            self.answers.append(type(error).__name__)
        finally:
            connection.close()

    def body(self):
        for sent, piece in enumerate(pieces(SIZE)):
            if sent == self.moment:
                self.signal()
            if sent >= self.moment and self.is_slow:
                time.sleep(2 * DRAIN / (MIB - self.moment))
            yield piece
        if self.moment == MIB:
            self.signal(random.uniform(0, 0.5))

    def signal(self, delay=0):
        self.ending = Ending(delay)
        self.ending.start()

    def ask_registry(self):
        blob = stage.request("HEAD", f"/v2/{self.repository}/blobs/{DIGEST}", port=stage.registry_port)
        self.is_there = (blob.status, blob.headers["Content-Length"]) == (200, str(SIZE))
        if self.answers[0] == "202" and not self.is_there:
            self.goes_on = stage.request("PUT", self.final, b"", port=stage.registry_port).status == 201

    @property
    def is_done(self):
        return self.answers[-1] == "201"

    @property
    def is_body_lost(self):
        return self.answers[0] not in ("201", "202")

    def __str__(self):
        framing, pace = "in chunks" if self.is_chunked else "with a length", ", slow" if self.is_slow else ""
        return (f"{self.number} {framing}{pace}, SIGTERM at {self.moment} MiB: {' then '.join(self.answers)}; "
                f"exit {self.ending.status} after {self.ending.seconds:.2f} s, "
                f"{self.last_words if self.cut < 0 else f'{self.cut} cut'}")


class Ending(threading.Thread):
    """Signals the proxy, and sees how and when it ends."""

    def __init__(self, delay):
        super().__init__()
        self.delay = delay

    def run(self):
        time.sleep(self.delay)
        begun = time.monotonic()
        stage.proxy.send_signal(signal.SIGTERM)
        try:
            self.status = stage.proxy.wait(3 * DRAIN)
        except subprocess.TimeoutExpired:
            stage.proxy.kill()
            self.status = stage.proxy.wait()
        self.seconds = time.monotonic() - begun


def wait_for_registry():
    while stage.registry.poll() is None:
        try:
            return stage.request("GET", "/v2/", port=stage.registry_port)
        except OSError:
            time.sleep(0.01)
    sys.exit("docker-registry did not start")


def place(answer):
    location = answer.headers["Location"]
    return location[location.index("/v2/"):]


def check(words, wrong):
    """Whether nothing is wrong."""
    print("FAIL " if wrong else "PASS ", words)
    for each in wrong:
        print("     ", each)
    return not wrong


random.seed(SEED)
rounds = [Round(number) for number in range(1, ROUNDS + 1)]
try:
    wait_for_registry()
    for each in rounds:
        each.run()
        print(each, flush=True)
finally:
    stage.stop()

with open(f"{stage.home}/access.log") as lines:
    logged = collections.Counter(line["repository"] for line in map(json.loads, lines)
                                 if line["outcome"] == "timeout:drain")
records = stage.records()
recorded = collections.Counter(record["what"]["repository"] for record in records
                               if (record["event"], record["outcome"]) == ("blob.push", "done"))
stops = sum(record["event"] == "server.stopped" for record in records)
verified = stage.verify("--public-key", stage.public_key())

for saw, count in collections.Counter(" then ".join(each.answers) for each in rounds).most_common():
    print(f"{count} saw {saw}")
print(f"longest time to exit: {max(each.ending.seconds for each in rounds):.2f} s")
print(verified.stdout.strip())
ok = all([
    check(f"exit status 0 within {DRAIN} s",
          [r for r in rounds if r.ending.status != 0 or r.ending.seconds > DRAIN]),
    check("no client waited in vain", [r for r in rounds if "TimeoutError" in r.answers]),
    check("a blob that was acknowledged is in the registry", [r for r in rounds if r.is_done and not r.is_there]),
    check("an upload that was acknowledged goes on", [r for r in rounds if r.goes_on is False]),
    check("nobody is cut before the time", [r for r in rounds if r.is_body_lost and r.ending.seconds < CUT]),
    check("who is too slow is cut", [r for r in rounds if r.is_slow and not r.is_body_lost]),
    check("others succeed", [] if any(r.is_done for r in rounds) else rounds),
    check("the event and the access log say what was cut",
          [r for r in rounds if not r.is_body_lost <= r.cut == logged[r.repository] <= (not r.is_done)]),
    check("the trail has what was acknowledged, and nothing that is not there",
          [r for r in rounds if not r.is_done <= recorded[r.repository] <= r.is_there]),
    check("the trail is whole, with the end of each process",
          [] if verified.returncode == 0 and stops == ROUNDS else [f"{stops} ends", verified.stderr])])
sys.exit(0 if ok else 1)
