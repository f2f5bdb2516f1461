"""Fills and frees the disk of an audit trail while images are pushed and pulled.

    auditdisk.py PROGRAM DIRECTORY DISK     (DISK: a folder on a file system of 1 MiB of its own)

While it is full pushes are 503 and pulls go on; nothing is acknowledged without a record; when there is room again
pushes go on without a restart, and a gap tells what was not recorded.
"""
import collections, os, sys, threading, time

from auditstage import MEDIA, Stage, digest, manifest

stage = Stage(sys.argv[1], sys.argv[2], ", checkpoint: 50", trail=sys.argv[3])
filler = f"{stage.trail}/filler"
acknowledged, statuses, pulled, stopping = {}, collections.Counter(), collections.Counter(), threading.Event()


def pusher(client):
    number = 0
    while not stopping.is_set():
        number += 1
        data, tag = manifest(f"{client}.{number}"), f"c{client}-{number}"
        answer = stage.push(tag, data)
        statuses[answer.status] += 1
        if answer.status == 201:
            acknowledged[tag] = digest(data)
        elif answer.status == 503:
            assert b"UNAVAILABLE" in answer.content and answer.headers["Retry-After"]
            time.sleep(0.02)


def puller():
    while not stopping.is_set():
        pulled[stage.request("GET", "/v2/load/x/manifests/c0-1", None, {"Accept": MEDIA}).status] += 1
        time.sleep(0.01)


def fill():
    with open(filler, "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 512)
        except OSError:
            pass


def await_more(status):
    before, start = statuses[status], time.monotonic()
    while statuses[status] < before + 5:
        assert time.monotonic() - start < 60, f"no {status} within a minute: {statuses}"
        time.sleep(0.01)


try:
    stage.start()
    stage.push_config()
    threads = [threading.Thread(target=pusher, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    await_more(201)
    threads.append(threading.Thread(target=puller))
    threads[-1].start()
    for _ in range(3):
        fill()
        await_more(503)
        seen = pulled[200]
        while pulled[200] < seen + 5:
            time.sleep(0.01)
        os.remove(filler)
        await_more(201)
    stopping.set()
    for thread in threads:
        thread.join()
    still_there = stage.proxy.poll() is None
finally:
    stopping.set()
    stage.stop()

verified = stage.verify("--public-key", stage.public_key())
records = stage.records()
made = collections.Counter((r["what"]["tag"], r["what"]["digest"]) for r in records
                           if r["event"].startswith("manifest.c") and r["outcome"] == "done")
missing = [tag for tag, code in acknowledged.items() if made[tag, code] != 1]
gaps = sum(r["count"] for r in records if r["event"] == "gap")
print(f"pushes {dict(statuses)}, pulls {dict(pulled)}, {len(records)} records, {gaps} told by gaps")
print(verified.stdout.strip())
for tag in missing:
    print("WRONG", tag, made[tag, acknowledged[tag]], "records")
ok = still_there and verified.returncode == 0 and not missing and gaps > 0 and set(statuses) == {201, 503}
sys.exit(0 if ok and set(pulled) == {200} else 1)
