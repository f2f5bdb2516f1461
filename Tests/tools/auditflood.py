"""Floods the proxy with requests that are refused, and looks at what that did to the audit trail.

    auditflood.py PROGRAM DIRECTORY [SECONDS]

Three manifests are pushed before it, and one behind. Between, one process sends, as fast as it can, what nobody may: requests
without a login, with wrong ones of many names, and with tokens of nobody's, from eight addresses. The four records must be there, the trail
whole, each refused login in it or in a count, and the trail no longer than a hundred records a second make it. Files are
rotated all the time, and kept for an hour.
"""
import collections, os, random, re, select, socket, sys, time

from auditstage import Stage, login, manifest

seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 300
stage = Stage(sys.argv[1], sys.argv[2], ", rotate_size: 256KiB, rotate_age: 1h, keep: 1")
BATCH = 32
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
# On the average about 700 bytes; an attacker's names and user agents make it more.
MEAN_RECORD = 2048


def refused(number):
    """One request that nobody may make; and whether it has credentials, without which it is no event."""
    kind = number % 4
    fields = {0: {}, 1: login(f"user{random.randrange(100_000)}", "x"), 2: login("pusher", f"guess{number}"),
              3: {"Authorization": f"Bearer of-{number}"}}[kind]
    target = random.choice(["/v2/", f"/v2/load/x/manifests/{number}", f"/v2/r{random.randrange(10_000)}/tags/list"])
    lines = [f"GET {target} HTTP/1.1", "Host: x", f"User-Agent: flood/{random.randrange(1000)}"]
    return "\r\n".join(lines + [f"{n}: {v}" for n, v in fields.items()]) + "\r\n\r\n", kind != 0


BATCHES = []
for start in range(0, 20_000, BATCH):
    requests = [refused(number) for number in range(start, start + BATCH)]
    BATCHES.append(("".join(text for text, _ in requests).encode(), sum(claims for _, claims in requests)))


class Sender:
    """A connection that always has a batch of requests under way."""

    def __init__(self, source):
        self.socket = socket.create_connection(("127.0.0.1", stage.port), source_address=(source, 0))
        self.waiting = self.claims = 0
        self.tail = b""

    def send(self):
        batch, self.claims = random.choice(BATCHES)
        self.socket.sendall(batch)
        self.waiting = BATCH

    def receive(self, statuses):
        """Whether the batch is answered."""
        piece = self.socket.recv(1 << 18)
        if not piece:
            sys.exit("the proxy closed a connection")
        data = self.tail + piece
        found = STATUS.findall(data)
        statuses.update(found)
        self.waiting -= len(found)
        # A status line that is cut in two comes together with the next read; 12 bytes are never a whole one.
        self.tail = data[-12:]
        return self.waiting == 0


def flood():
    statuses, claimed = collections.Counter(), 0
    senders = {s.socket.fileno(): s for s in (Sender(f"127.0.0.{1 + n % 8}") for n in range(16))}
    poll = select.epoll()
    for descriptor, sender in senders.items():
        poll.register(descriptor, select.EPOLLIN)
        sender.send()
    end = time.monotonic() + seconds
    busy = len(senders)
    while busy:
        for descriptor, _ in poll.poll(30) or sys.exit("no answer within 30 s"):
            sender = senders[descriptor]
            if sender.receive(statuses):
                claimed += sender.claims
                if time.monotonic() < end:
                    sender.send()
                else:
                    busy -= 1
                    poll.unregister(descriptor)
                    sender.socket.close()
    return statuses, claimed


def memory():
    with open(f"/proc/{stage.proxy.pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])


try:
    stage.start()
    stage.push_config()
    for tag in ("one", "two", "three"):
        assert stage.push(tag, manifest(tag)).status == 201
    before, begun = memory(), time.monotonic()
    statuses, claimed = flood()
    took = time.monotonic() - begun
    after = memory()
    good = stage.push("four", manifest("four")).status
finally:
    stage.stop()

records = stage.records()
pushed = [r["what"]["tag"] for r in records if r["event"] == "manifest.create"]
logins = sum(r.get("count", 1) for r in records if r["event"] in ("auth.failed", "auth.guessing"))
events = collections.Counter(r["event"] for r in records)
size = sum(os.path.getsize(f) for f in stage.files())
verdict = stage.verify("--public-key", stage.public_key())
shown = ", ".join(f"{status.decode()}: {count}" for status, count in sorted(statuses.items()))
print(f"{sum(statuses.values())} requests in {took:.0f} s: {shown}; memory {before} -> {after} KiB")
print(f"{len(records)} records ({', '.join(f'{n} {e}' for e, n in events.most_common())}) "
      f"in {len(stage.files())} files of {size} bytes")
print(f"{claimed} refused logins, {logins} in the trail; pushes {pushed}, the last one {good}")
print(verdict.stdout.strip().splitlines()[-1] if verdict.stdout else verdict.stderr)
checks = {
    "only refusals": all(status in (b"401", b"429", b"503") for status in statuses),
    "the pushes are there": pushed == ["one", "two", "three", "four"] and good == 201,
    # One that waited too long for its hash was not looked at, and is no refusal.
    "each refused login is in the trail": logins == claimed - statuses[b"503"],
    "at most 100 records a second": len(records) <= 100 * (took + 2) + 100,
    "the trail is bounded": size <= MEAN_RECORD * 100 * (took + 2),
    "the trail is whole": verdict.returncode == 0,
}
for words, holds in checks.items():
    print("PASS" if holds else "FAIL", words)
sys.exit(0 if all(checks.values()) else 1)
