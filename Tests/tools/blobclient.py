#!/usr/bin/env python3
"""Pulls or pushes one large blob through the proxy and checks every byte of it.

    blobclient.py pull SIZE length|chunked     from fastupstream.py
    blobclient.py push SIZE length|chunked     to fastupstream.py or a registry
    blobclient.py check SIZE length            pulls what `push` put into a registry

Environment: PORT (TLS, 127.0.0.1), CA_FILE, REG_USER, REG_PASS, REPOSITORY. Prints the digest and
the MB/s."""
import base64
import hashlib
import http.client
import os
import ssl
import sys
import time

from blob import CHUNK, digest, pieces

E = os.environ
LOGIN = base64.b64encode(f'{E["REG_USER"]}:{E["REG_PASS"]}'.encode()).decode()
FIELDS = {"Authorization": "Basic " + LOGIN}
BASE = f'/v2/{E["REPOSITORY"]}/blobs'


def connect():
    context = ssl.create_default_context(cafile=E["CA_FILE"])
    return http.client.HTTPSConnection("127.0.0.1", int(E["PORT"]), context=context, timeout=300)


def expect(response, status):
    if response.status != status:
        sys.exit(f"status {response.status}, not {status}: {response.read()[:500]}")
    return response


def pull(path, size, wanted, framing):
    connection = connect()
    connection.request("GET", path, headers=FIELDS)
    response = expect(connection.getresponse(), 200)
    if (response.getheader("Transfer-Encoding") == "chunked") != (framing == "chunked"):
        sys.exit(f"not in the framing of the upstream: {response.getheaders()}")
    h, count, view = hashlib.sha256(), 0, memoryview(bytearray(CHUNK))
    while n := response.readinto(view):
        h.update(view[:n])
        count += n
    if (count, "sha256:" + h.hexdigest()) != (size, wanted):
        sys.exit(f"{count} bytes, sha256:{h.hexdigest()}; wanted {size} bytes, {wanted}")


def push(size, wanted, framing):
    connection = connect()
    connection.request("POST", f"{BASE}/uploads/", body=b"", headers=FIELDS)
    response = expect(connection.getresponse(), 202)
    response.read()
    session = response.getheader("Location")
    if not session.startswith("/"):
        sys.exit(f"Location is not a path: {session}")
    fields = {**FIELDS, "Content-Type": "application/octet-stream"}
    if framing == "length":
        fields["Content-Length"] = str(size)
    connection.request("PATCH", session, body=pieces(size), headers=fields,
                       encode_chunked=framing == "chunked")
    response = expect(connection.getresponse(), 202)
    response.read()
    session = response.getheader("Location")
    connection.request("PUT", f"{session}&digest={wanted}", body=b"", headers=FIELDS)
    expect(connection.getresponse(), 201).read()


def main():
    what, size, framing = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    wanted = digest(size)
    start = time.monotonic()
    if what == "pull":
        made_up = "sha256:%016x%s" % (size, ("c" if framing == "chunked" else "a") * 48)
        pull(f"{BASE}/{made_up}", size, wanted, framing)
    elif what == "check":
        pull(f"{BASE}/{wanted}", size, wanted, framing)
    else:
        push(size, wanted, framing)
    print(what, framing, size, wanted, "%.0f MB/s" % (size / 1e6 / (time.monotonic() - start)))


main()
