"""Kills a proxy again and again while images are pushed through it, and reads its audit trail afterwards.

    auditkill.py PROGRAM DIRECTORY KILLS

Starts docker-registry once and PROGRAM after each kill -9. Several clients push manifests to tags of their own; each
answer 201 is noted. At the end: every noted push has exactly one record, `audit verify` finds nothing, and uploads
that were begun before a kill are finished after it.
"""
import collections, glob, http.client, os, random, signal, sys, threading, time

from auditstage import Stage, digest, manifest

kills = int(sys.argv[3])
stage = Stage(sys.argv[1], sys.argv[2], ", rotate_size: 64KiB, checkpoint: 50")
request = stage.request
acknowledged, errors, finished_uploads = {}, [], []
stopping = threading.Event()


def patiently(method, target, body=None, fields={}):
    """Until the proxy is there; None at the end of the run."""
    while not stopping.is_set():
        try:
            return request(method, target, body, fields)
        except (OSError, http.client.HTTPException):
            time.sleep(0.02)


def push(client):
    number = 0
    while not stopping.is_set():
        number += 1
        data = manifest(f"{client}.{number}")
        tag = f"c{client}-{number}"
        try:
            # Sent once: a push that is tried again may have two records.
            answer = stage.push(tag, data)
        except (OSError, http.client.HTTPException):
            time.sleep(0.01)
            continue
        if answer.status == 201:
            acknowledged[tag] = digest(data)
        else:
            errors.append(f"{tag}: {answer.status}")


def upload():
    """One upload after another in two pieces, mostly with a kill between them."""
    number = 0
    while not stopping.is_set():
        number += 1
        first, second = os.urandom(500), os.urandom(500)
        begun, process = patiently("POST", "/v2/load/x/blobs/uploads/"), stage.proxy
        if begun is None or begun.status != 202:
            continue
        place = begun.headers["Location"]
        path = place[place.index("/v2/"):]
        moved, there = None, 0
        while moved is None and not stopping.is_set():
            try:
                answer = request("PATCH", path, first[there:], {"Content-Type": "application/octet-stream"})
            except (OSError, http.client.HTTPException):
                answer = None
            if answer is not None and answer.status == 202:
                moved = answer
                break
            # A piece whose answer is lost may have arrived: the session tells how much is there.
            state = patiently("GET", path)
            if state is None:
                return
            if state.status != 204:
                # docker-registry 2.8 gives a session up that is asked for with another offset than it has.
                break
            last = int(state.headers["Range"].split("-")[1])
            there = last + 1 if last else 0
            path = state.headers["Location"]
            path = path[path.index("/v2/"):]
            moved = state if there == len(first) else None
        if moved is None:
            continue
        time.sleep(random.uniform(0, 0.6))
        path = moved.headers["Location"]
        path = path[path.index("/v2/"):]
        whole = digest(first + second)
        done = patiently("PUT", f"{path}&digest={whole}", second)
        if done is None:
            return
        if done.status != 201:
            # The answer to a first PUT may be the one that was lost.
            there = patiently("HEAD", f"/v2/load/x/blobs/{whole}")
            if there is None or there.status == 200:
                continue
            errors.append(f"upload {number}: {done.status}")
        finished_uploads.append(stage.proxy is not process)


try:
    stage.start()
    stage.push_config()
    threads = [threading.Thread(target=push, args=(n,)) for n in range(4)] + [threading.Thread(target=upload)]
    for thread in threads:
        thread.start()
    for _ in range(kills):
        time.sleep(random.uniform(0.1, 1.5))
        stage.proxy.send_signal(signal.SIGKILL)
        stage.proxy.wait()
        stage.start()
    end = time.monotonic() + 60
    while not any(finished_uploads) and not errors and time.monotonic() < end:
        time.sleep(0.1)
    stopping.set()
    for thread in threads:
        thread.join()
finally:
    stopping.set()
    stage.stop()

verified = stage.verify("--public-key", stage.public_key())
records, starts = collections.Counter(), 0
for record in stage.records():
    starts += record["event"] == "server.started"
    if record["event"].startswith("manifest.") and record["outcome"] == "done":
        records[record["what"]["tag"], record["what"]["digest"]] += 1
missing = [tag for tag, digest in acknowledged.items() if records[tag, digest] != 1]
torn = len(glob.glob(f"{stage.home}/*torn*"))
print(f"{kills} kills, {starts} starts, {len(acknowledged)} acknowledged pushes, {sum(records.values())} records, "
      f"{len(finished_uploads)} uploads finished, {sum(finished_uploads)} of them by another process, {len(stage.files())} files, {torn} torn lines set aside")
print(verified.stdout.strip())
for wrong in [f"{tag}: {records[tag, acknowledged[tag]]} records" for tag in missing] + errors:
    print("WRONG", wrong)
ok = verified.returncode == 0 and not missing and not errors and acknowledged and any(finished_uploads)
sys.exit(0 if ok else 1)
