#!/usr/bin/env python3
"""A registry over TLS that answers with a body that only the end of the stream ends.

tlsanswer.py CERTIFICATE KEY end|cut   with close_notify, or without; prints its port
"""
import socket
import ssl
import sys

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], file=sys.stderr, flush=True)
while True:
    plain, _ = listener.accept()
    try:
        session = context.wrap_socket(plain, server_side=True)
        head = b""
        while b"\r\n\r\n" not in head:
            head += session.recv(4096)
        session.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\nhello")
        if sys.argv[3] == "end":
            session.unwrap()
        session.close()
    except OSError:
        plain.close()
