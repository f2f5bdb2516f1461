#!/usr/bin/env python3
"""A fast stand-in for a registry: it makes blobs up and swallows uploads.

    fastupstream.py [PORT]          prints `port N` on standard error, then serves for ever

GET or HEAD of a blob whose digest starts with `sha256:` and 16 hexadecimal digits of a size, then
48 of anything, gives a blob of that size (blob.py says what is in it): with a Content-Length, or in
chunks when the 17th digit is `c`. POST, PATCH and PUT of an upload are read and hashed; the PUT is
201 only when the digest in its query is that of the bytes."""
import hashlib
import socket
import sys
import threading
from urllib.parse import parse_qs, urlsplit

from blob import pieces

uploads = {}
lock = threading.Lock()


class Gone(Exception):
    """The other side has ended the connection."""


class Connection:
    def __init__(self, sock):
        self.sock, self.buffer = sock, bytearray(1 << 20)
        self.rest = b""

    def fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise Gone
        self.rest += data

    def line(self):
        while b"\r\n" not in self.rest:
            self.fill()
        line, self.rest = self.rest.split(b"\r\n", 1)
        return line

    def head(self):
        start = self.line().decode().split(" ")
        fields = {}
        while line := self.line():
            name, value = line.decode("latin-1").split(":", 1)
            fields[name.lower()] = value.strip()
        return start[0], start[1], fields

    def take(self, count, onto):
        part, self.rest = self.rest[:count], self.rest[count:]
        onto(part)
        left = count - len(part)
        view = memoryview(self.buffer)
        while left:
            n = self.sock.recv_into(view[:min(left, len(view))])
            if not n:
                raise Gone
            onto(view[:n])
            left -= n

    def body(self, fields, onto):
        if "transfer-encoding" in fields:
            while size := int(self.line(), 16):
                self.take(size, onto)
                if self.line():
                    raise ValueError("no end of a chunk")
            while self.line():
                pass
        else:
            self.take(int(fields.get("content-length", 0)), onto)

    def answer(self, status, *fields):
        lines = [f"HTTP/1.1 {status}", "Docker-Distribution-Api-Version: registry/2.0", *fields]
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())

    def blob(self, method, digest):
        size, chunked = int(digest[7:23], 16), digest[23] == "c"
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
        self.answer("200 OK", "Content-Type: application/octet-stream", framing)
        if method == "HEAD":
            return
        for piece in pieces(size):
            if chunked:
                self.sock.sendall(b"%x\r\n" % len(piece))
                self.sock.sendall(piece)
                self.sock.sendall(b"\r\n")
            else:
                self.sock.sendall(piece)
        if chunked:
            self.sock.sendall(b"0\r\n\r\n")

    def one(self):
        method, target, fields = self.head()
        url = urlsplit(target)
        last = url.path.rsplit("/", 1)[1]
        if method in ("GET", "HEAD") and last.startswith("sha256:"):
            self.blob(method, last)
        elif method == "POST":
            self.body(fields, lambda part: None)
            with lock:
                name = str(len(uploads) + 1)
                uploads[name] = [hashlib.sha256(), 0]
            self.answer("202 Accepted", f"Location: {url.path}{name}?_state=x", "Range: 0-0",
                        "Content-Length: 0")
        elif method in ("PATCH", "PUT"):
            upload = uploads[last]

            def onto(part):
                upload[0].update(part)
                upload[1] += len(part)
            self.body(fields, onto)
            if method == "PATCH":
                self.answer("202 Accepted", f"Location: {target}", f"Range: 0-{upload[1] - 1}",
                            "Content-Length: 0")
            elif parse_qs(url.query)["digest"][0] == "sha256:" + upload[0].hexdigest():
                self.answer("201 Created", f"Location: {url.path}", "Content-Length: 0")
            else:
                self.answer("400 Bad Request", "Content-Length: 0")
        else:
            self.answer("200 OK", "Content-Length: 0")

    def serve(self):
        try:
            while True:
                self.one()
        except (Gone, ConnectionError):
            pass
        finally:
            self.sock.close()


def main():
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 0))
    print("port", listener.getsockname()[1], file=sys.stderr, flush=True)
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=Connection(sock).serve, daemon=True).start()


main()
