"""Counts fsyncs and measures what the audit trail adds to pushes.

    auditload.py PROGRAM DIRECTORY [CLIENTS [PUSHES]]

CLIENTS push manifests at once through PROGRAM to docker-registry. There must be fewer fsyncs than records. Reported, not
asserted: how long the answers waited for the trail, which is the time from the making of a record (its `http.ms`) to the
end of the request (`duration_ms` of the access log's line with the same id), and beside it how long an fsync of such
a line takes on the same disk when nothing else happens.
"""
import json, os, sys, threading, time

from auditstage import MEDIA, Stage, free_port, login, manifest
import http.client

clients = int(sys.argv[3]) if len(sys.argv) > 3 else 32
pushes = int(sys.argv[4]) if len(sys.argv) > 4 else 50
admin = free_port()
stage = Stage(sys.argv[1], sys.argv[2], access="access.log", more=f'admin: {{ address: "127.0.0.1:{admin}" }}')
refused = []


def fsyncs():
    for line in stage.request("GET", "/metrics", port=admin).content.decode().splitlines():
        if line.startswith("registry_proxy_audit_fsyncs_total "):
            return int(line.split()[1])


def push(client):
    connection = http.client.HTTPConnection("127.0.0.1", stage.port, timeout=60)
    for number in range(pushes):
        target = f"/v2/load/x/manifests/c{client}-{number}"
        connection.request("PUT", target, manifest(f"{client}.{number}"), {"Content-Type": MEDIA, **login("pusher", "secret")})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 201:
            refused.append(answer.status)
    connection.close()


def bare_fsyncs(count=200):
    times = []
    with open(f"{stage.trail}/probe", "wb", buffering=0) as f:
        for _ in range(count):
            f.write(b"x" * 700)
            begun = time.perf_counter()
            os.fdatasync(f.fileno())
            times.append(1000 * (time.perf_counter() - begun))
    os.remove(f"{stage.trail}/probe")
    return times


def shown(times):
    times = sorted(times)
    return ", ".join(f"p{p} {times[min(len(times) - 1, len(times) * p // 100)]:.2f} ms" for p in (50, 90, 99))


try:
    stage.start()
    stage.push_config()
    before = fsyncs()
    threads = [threading.Thread(target=push, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = fsyncs() - before
    idle = bare_fsyncs()
finally:
    stage.stop()

made = {r["http"]["id"]: r["http"]["ms"] for r in stage.records() if r["event"].startswith("manifest.")}
ended = {}
with open(f"{stage.home}/access.log") as lines:
    for line in map(json.loads, lines):
        ended[line["id"]] = line["duration_ms"]
print(f"{clients} clients, {len(made)} records of pushes, {taken} fsyncs, {len(refused)} pushes not accepted")
print("added wait:", shown([ended[id] - made[id] for id in made]))
print("an fsync of one line, nothing else happening:", shown(idle))
ok = not refused and len(made) == clients * pushes and taken < len(made)
print("OK: fewer fsyncs than records" if ok else "FAILED")
sys.exit(0 if ok else 1)
