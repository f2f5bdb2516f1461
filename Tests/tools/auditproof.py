"""What an audit trail of a running proxy must withstand.

    auditproof.py PROGRAM DIRECTORY tamper          edits, drops, swaps and cuts in a rotated, compressed set
    auditproof.py PROGRAM DIRECTORY hostile         texts that want to forge, split or hide a line
"""
import base64, glob, gzip, json, random, shutil, socket, subprocess, sys, time

from auditstage import Stage, manifest

program, home, task = sys.argv[1:4]
wrong = []


def expect(condition, text):
    if not condition:
        wrong.append(text)
        print("WRONG", text)


def read_all(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
        return f.read()


def write_all(path, data):
    with (gzip.open if path.endswith(".gz") else open)(path, "wb") as f:
        f.write(data)


def tamper():
    stage = Stage(program, home, ", rotate_size: 8KiB, checkpoint: 7")
    stage.start()
    stage.push_config()
    for number in range(60):
        assert stage.push(f"t{number}", manifest(str(number))).status == 201
    # Compression follows a rotation at once, and a look each minute.
    deadline = time.monotonic() + 90
    while not glob.glob(f"{home}/audit-*.gz") and time.monotonic() < deadline:
        time.sleep(0.1)
    stage.stop()
    files = stage.files()
    expect(any(f.endswith(".gz") for f in files) and len(files) > 3, f"not rotated and compressed: {files}")
    clean = stage.verify("--public-key", stage.public_key())
    expect(clean.returncode == 0, f"a clean set: {clean.stdout}")
    head = clean.stdout.split("head: ")[1].split()[0]
    originals = {f: read_all(f) for f in files}
    places = [(f, n) for f in files for n in range(originals[f].count(b"\n"))]
    random.seed(7)
    tried = 0

    def verify(*options):
        return stage.verify(*options)

    def attempt(name, file, change, place=None):
        nonlocal tried
        tried += 1
        lines = originals[file].split(b"\n")[:-1]
        write_all(file, b"".join(line + b"\n" for line in change(lines)))
        found = verify()
        expect(found.returncode == 1, f"{name} in {file}:{place} was not found: {found.stdout}")
        # The place is the line itself or, for one that is gone, the one that follows it.
        expect("seq" in found.stdout and "audit" in found.stdout, f"{name}: no place in {found.stdout}")
        write_all(file, originals[file])

    def edited(lines, n):
        changed = bytearray(lines[n])
        where = changed.index(b'"event":"') + 9
        changed[where] ^= 1
        return lines[:n] + [bytes(changed)] + lines[n + 1:]

    # The last lines lie behind the newest checkpoint's own line: that one is the end of what is known.
    for file, n in random.sample(places[:-2], 40) + places[:2]:
        attempt("an edit", file, lambda lines: edited(lines, n), n)
        attempt("a dropped line", file, lambda lines: lines[:n] + lines[n + 1:], n)
        if n + 1 < originals[file].count(b"\n"):
            attempt("two swapped lines", file,
                    lambda lines: lines[:n] + [lines[n + 1], lines[n]] + lines[n + 2:], n)
    middle = files[len(files) // 2 - 1]
    attempt("a cut file in the middle", middle, lambda lines: lines[:len(lines) // 2])
    moved = f"{home}/elsewhere"
    shutil.move(middle, moved)
    expect(verify().returncode == 1, "a file that is missing was not found")
    shutil.move(moved, middle)

    # A cut tail is no contradiction in itself, but with a head that was noted it is.
    last = files[-1] if files[-1].endswith("audit.log") else f"{home}/audit.log"
    lines = originals[last].split(b"\n")[:-1]
    write_all(last, b"".join(line + b"\n" for line in lines[:-3]))
    expect(verify("--head", head).returncode == 1, "a cut tail was not found with --head")
    write_all(last, originals[last])
    expect(verify("--head", head).returncode == 0, "the head itself does not fit")

    other = f"{home}/other.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", f"{home}/other.key"], check=True)
    subprocess.run(["openssl", "pkey", "-in", f"{home}/other.key", "-pubout", "-out", other], check=True)
    expect(verify("--public-key", other).returncode == 1, "another key was accepted")
    expect(verify("--public-key", stage.public_key()).returncode == 0, "the right key was not")
    print(f"{tried} changes of {len(places)} lines in {len(files)} files")


def raw(stage, data):
    with socket.create_connection(("127.0.0.1", stage.port)) as s:
        s.settimeout(10)
        s.sendall(data)
        try:
            while s.recv(65536):
                pass
        except OSError:
            pass


def hostile():
    stage = Stage(program, home)
    stage.start()
    stage.push_config()
    before = len(read_all(f"{home}/audit.log").splitlines())
    secrets = [b"s3cr3t-one", b"s3cr3t-two"]
    texts = [b'x","event":"manifest.create","y":"', b"a\x0b\x7f\x1b[31m", b"\xff\xfe\xc0\x80", "\u202e\u2066\u2028\u2029\u0085".encode(),
             b"\\u0000\\n", b'"}\\n{"v":1,"seq":1', b"%0a%0d", b"A" * 7000, b"{\"a\":1}", "\U0001f600".encode()]
    sent = 0
    for text in texts:
        name = text.replace(b":", b"")[:128]
        for secret in secrets:
            code = base64.b64encode(name + b":" + secret)
            raw(stage, b"GET /v2/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Basic " + code + b"\r\n\r\n")
        good = base64.b64encode(b"pusher:secret")
        agent = text.translate(None, b"\r\n\0")
        for target in [b"/v2/other/x/manifests/v1", b"/v2/load/x/manifests/" + text.translate(None, b" \r\n\0")]:
            raw(stage, b"GET " + target + b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\nUser-Agent: " + agent
                + b"\r\nAuthorization: Basic " + good + b"\r\nCookie: s3cr3t-one\r\n\r\n")
        body = text + b"s3cr3t-two"
        raw(stage, b"PUT /v2/load/x/manifests/t%d HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %d\r\nUser-Agent: "
            % (sent, len(body)) + agent + b"\r\nAuthorization: Basic " + good + b"\r\n\r\n" + body)
        sent += 1
    stage.stop()
    data = read_all(f"{home}/audit.log")
    lines = data.split(b"\n")[:-1]
    expect(len(lines) > before + 20, "hostile requests left no records")
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            expect(record["seq"] == number, f"line {number}: seq {record['seq']}")
        except ValueError:
            expect(False, f"line {number} is no JSON: {line[:200]}")
        expect(len(line) < 8192, f"line {number} has {len(line)} bytes")
        expect(not any(b < 0x20 or b == 0x7f for b in line), f"line {number} has control bytes")
        expect(not any(c in line.decode() for c in "\u202e\u2066\u2028\u2029\u0085"), f"line {number} has marks")
    for secret in secrets + [b"secret"]:
        expect(secret not in data and base64.b64encode(secret).rstrip(b"=") not in data, f"{secret} is in the trail")
    made = [json.loads(line) for line in lines]
    forged = [r for r in made if r["event"].startswith("manifest.create") and r["outcome"] == "done"]
    expect(not forged, f"forged: {forged}")
    expect(stage.verify().returncode == 0, "the trail is not whole")
    print(f"{len(lines)} lines, all of them one record; events {sorted({r['event'] for r in made})}")


{"tamper": tamper, "hostile": hostile}[task]()
sys.exit(1 if wrong else 0)
