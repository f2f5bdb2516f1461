"""Reads Tests/Corpus/requests (its README says what the lines mean)."""
import base64
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1] / "Corpus"
DIGEST = "sha256:" + "a" * 64
USER, PASSWORD = "alice", "s3cret:pa ss"
WORDS = {
    "alice": "Authorization: Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(),
    "manifest": "/v2/team-a/x/manifests/v1",
    "blob": f"/v2/team-a/x/blobs/{DIGEST}",
    "upload": "/v2/team-a/x/blobs/uploads/6f1e?_state=s",
    "digest": DIGEST,
    "secret": "sEcReT-w0rd",
}
ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\", "{": b"{"}


class Case:
    def __init__(self, file, name):
        self.file, self.name = file, name
        self.steps, self.statuses, self.requests = [], [], []


def word(text):
    if text in WORDS:
        return WORDS[text].encode()
    if text.startswith("base64:"):
        return base64.b64encode(read(text[7:]))
    one, _, count = text.rpartition("*")
    return read(one) * int(count)


def read(text):
    """The bytes that a text of the corpus stands for."""
    out = b""
    for escape, hexadecimal, name, plain in re.findall(
            r"\\(x([0-9A-Fa-f]{2})|[rnt0\\{])|\{([^}]*)\}|([^\\{]+)", text):
        if hexadecimal:
            out += bytes.fromhex(hexadecimal)
        elif escape:
            out += ESCAPES[escape]
        else:
            out += word(name) if name else plain.encode()
    return out


def cases(names):
    for path in sorted((ROOT / "requests").glob("*.txt")):
        if names and path.name not in names:
            continue
        case = None
        for line in path.read_text().split("\n"):
            mark, _, rest = line.partition(" ")
            if line.startswith("["):
                if case:
                    yield case
                case = Case(path.name, line[1:-1])
            elif mark in (">", ">>"):
                case.steps.append(read(rest) + (b"\r\n" if mark == ">" else b""))
            elif mark == ">!":
                case.steps.append(rest)
            elif mark == "=" and rest != "nothing":
                case.statuses.append(rest.split()[0])
            elif mark in ("^", "^~"):
                case.requests.append((read(rest).decode("latin-1"), mark == "^"))
        if case:
            yield case
