"""Kills a proxy again and again while images are pushed through it, and reads its audit trail afterwards.

    auditkill.py PROGRAM DIRECTORY KILLS

Starts docker-registry once and PROGRAM after each kill -9. Several clients push manifests to tags of their own, two
push blobs in pieces, one with a password and one with a bearer token; each answer 201 is noted. At the end: every
noted push has exactly one record, that of a blob with its size; `audit verify` finds nothing; and every upload that was
begun before a kill went on after it.

One kind of upload cannot go on at docker-registry 2.8, with or without a proxy: its `_state` names an offset, and who
did not get the answer to a piece has only the `_state` of before, which is 404 as soon as the piece has arrived. Such
an upload is given up only if the registry itself, asked without the proxy, says the same.
"""
import collections, glob, http.client, json, os, random, re, signal, sys, threading, time

from auditstage import Stage, digest, manifest

kills = int(sys.argv[3])
stage = Stage(sys.argv[1], sys.argv[2], ", rotate_size: 64KiB, checkpoint: 50",
              auth=", token: { key_file: token.key }")
acknowledged, blobs, errors = {}, {}, []
uploads = collections.Counter()
stopping = threading.Event()


class Stopped(Exception):
    """The run is over."""


class Lost(Exception):
    """The answer did not come: the proxy was killed meanwhile."""


class GivenUp(Exception):
    """The registry itself does not go on with the upload."""


def once(method, target, body=None, **more):
    if stopping.is_set():
        raise Stopped
    try:
        return stage.request(method, target, body, {"Content-Type": "application/octet-stream"}, **more)
    except (OSError, http.client.HTTPException):
        time.sleep(0.01)
        raise Lost


def patiently(method, target, **more):
    while True:
        try:
            return once(method, target, **more)
        except Lost:
            pass


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


def place(answer):
    location = answer.headers["Location"]
    return location[location.index("/v2/"):]


def where(path, user):
    """Where the registry is in an upload whose last answer was lost: its URL, and how many bytes it holds."""
    state = patiently("GET", path, **user)
    if state.status != 204:
        bare = re.sub("[?&]_pt=[^&]*", "", path)
        direct = stage.request("GET", bare, user={}, port=stage.registry_port)
        assert direct.status == state.status == 404, f"status {state.status}, without the proxy {direct.status}"
        raise GivenUp
    last = int(state.headers["Range"].split("-")[1])
    return place(state), last + 1 if last else 0


def upload(user):
    """One blob in three pieces, with pauses in which most of the kills fall."""
    pieces = [os.urandom(500) for _ in range(3)]
    whole, processes = digest(b"".join(pieces)), {stage.proxy}
    begun = patiently("POST", "/v2/load/x/blobs/uploads/", **user)
    assert begun.status == 202, f"begin: {begun.status}"
    path = place(begun)
    for index, piece in enumerate(pieces):
        time.sleep(random.uniform(0, 0.4))
        isLast = index == len(pieces) - 1
        while True:
            try:
                answer = once("PUT" if isLast else "PATCH", f"{path}&digest={whole}" if isLast else path, piece, **user)
                break
            except Lost:
                if isLast and patiently("HEAD", f"/v2/load/x/blobs/{whole}", **user).status == 200:
                    # It was done, and the answer is what was lost.
                    uploads["done without an answer"] += 1
                    return
                path, there = where(path, user)
                assert there == 500 * index, f"{there} bytes are there"
        assert answer.status == (201 if isLast else 202), f"piece {index}: {answer.status} {answer.content[:200]}"
        processes.add(stage.proxy)
        path = place(answer)
    blobs[whole] = 1500
    uploads["finished"] += 1
    uploads["finished by another process"] += len(processes) > 1


def upload_all(login):
    while not stopping.is_set():
        try:
            user = login()
            uploads["begun"] += 1
            upload(user)
        except Stopped:
            uploads["cut by the end of the run"] += 1
        except GivenUp:
            uploads["given up by the registry itself"] += 1
        except AssertionError as error:
            errors.append(f"upload: {error}")


def with_token():
    answer = patiently("GET", "/auth/token?scope=repository:load/x:pull,push")
    return {"user": {"Authorization": "Bearer " + json.loads(answer.content)["token"]}}


try:
    stage.start()
    stage.push_config()
    threads = [threading.Thread(target=push, args=(n,)) for n in range(4)]
    threads += [threading.Thread(target=upload_all, args=(login,)) for login in (dict, with_token)]
    for thread in threads:
        thread.start()
    for number in range(1, kills + 1):
        time.sleep(random.uniform(0.1, 1.2))
        stage.proxy.send_signal(signal.SIGKILL)
        stage.proxy.wait()
        stage.start()
        if number % 10 == 0:
            print(f"{number} kills, {len(acknowledged)} pushes, {dict(uploads)}, {len(errors)} wrong", flush=True)
    end = time.monotonic() + 60
    while not uploads["finished by another process"] and not errors and time.monotonic() < end:
        time.sleep(0.1)
    stopping.set()
    for thread in threads:
        thread.join()
finally:
    stopping.set()
    stage.stop()

verified = stage.verify("--public-key", stage.public_key())
records, sizes, starts = collections.Counter(), {}, 0
for record in stage.records():
    starts += record["event"] == "server.started"
    if record["outcome"] != "done":
        continue
    if record["event"].startswith("manifest."):
        records[record["what"]["tag"], record["what"]["digest"]] += 1
    elif record["event"] == "blob.push":
        records["", record["what"]["digest"]] += 1
        sizes[record["what"]["digest"]] = record["what"].get("size")
torn = len(glob.glob(f"{stage.home}/*torn*"))
for tag, pushed in [*acknowledged.items(), *(("", blob) for blob in blobs)]:
    if records[tag, pushed] != 1:
        errors.append(f"{tag or pushed}: {records[tag, pushed]} records")
errors += [f"{blob}: recorded with {sizes.get(blob)} bytes" for blob in blobs if sizes.get(blob) != blobs[blob]]
print(f"{kills} kills, {starts} starts, {len(stage.files())} files of the trail, {torn} torn lines set aside")
print(f"{len(acknowledged)} manifests and {len(blobs)} blobs acknowledged, {sum(records.values())} records of pushes")
print("uploads:", ", ".join(f"{count} {what}" for what, count in uploads.items()))
print(verified.stdout.strip())
for wrong in errors:
    print("WRONG", wrong)
ok = verified.returncode == 0 and not errors and acknowledged and uploads["finished by another process"]
print("OK: every acknowledged push has its one record, and every upload that can go on went on" if ok else "FAILED")
sys.exit(0 if ok else 1)
