#!/usr/bin/env python3
"""idle.py PORT PID [COUNT]: opens COUNT connections to the proxy, has each answer one request, and leaves them idle. Then
a new connection must get its answer within 50 ms, and the proxy may have grown by at most 25 KiB for each. Without TLS;
scripts/crowd has the figures with it."""
import base64
import re
import socket
import sys
import time

PORT, PID = int(sys.argv[1]), sys.argv[2]
COUNT = int(sys.argv[3]) if len(sys.argv) > 3 else 10_000
LOGIN = base64.b64encode(b"alice:alice-secret").decode()
REQUEST = f"GET /v2/ HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {LOGIN}\r\n\r\n".encode()


def resident():
    with open(f"/proc/{PID}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])


def ask(connection):
    connection.sendall(REQUEST)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"answered: {answer[:200]}")


def connect(number):
    # One address has too few ports of its own for all.
    return socket.create_connection(("127.0.0.1", PORT), timeout=30, source_address=(f"127.0.0.{2 + number % 4}", 0))


ask(connect(0))
before = resident()
connections = []
for number in range(COUNT):
    connections.append(connect(number))
    ask(connections[-1])
time.sleep(2)
each = (resident() - before) / COUNT
times = []
for number in range(20):
    begun = time.monotonic()
    connection = connect(number)
    ask(connection)
    times.append(time.monotonic() - begun)
    connection.close()
slowest = max(times) * 1000
print(f"{COUNT} idle connections: {each:.1f} KiB each (25 at most); a new one is answered within {slowest:.1f} ms (50)")
sys.exit(each > 25 or slowest > 50)
