#!/usr/bin/env python3
"""Plays the requests of the corpus against registry-proxy, nginx and HAProxy, each before a registry
of its own that writes down what reaches it, and prints where they differ.

    differential.py DIRECTORY [FILE.txt…]     configurations and logs go to DIRECTORY

Environment: REGISTRY_PROXY_BINARY. Without file names: those about the wire, since the other two do
not know a registry's routes, grammars and limits."""
import collections
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time

import corpus

WIRE = ["request-line.txt", "target.txt", "field-lines.txt", "host.txt", "length.txt", "coding.txt",
        "chunks.txt", "expect.txt", "pipelining.txt"]
SILENCE = 0.15
PATIENCE = 2.0


class Registry:
    """Reads requests by the book and answers each with 200; remembers lines of whole requests."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.whole = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            peer, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        with peer, peer.makefile("rb") as stream:
            try:
                while line := stream.readline():
                    self.one(line.decode("latin-1").rstrip(), stream)
                    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            except (OSError, ValueError):
                pass

    def one(self, line, stream):
        length, chunked = 0, False
        while (field := stream.readline()) not in (b"\r\n", b"\n"):
            name, _, value = field.decode("latin-1").partition(":")
            if not field:
                raise ValueError("no end of the head")
            if name.lower() == "content-length":
                length = int(value)
            chunked |= name.lower() == "transfer-encoding"
        if not chunked:
            self.take(stream, length)
        while chunked:
            size = int(stream.readline().split(b";")[0], 16)
            self.take(stream, size)
            stream.readline()
            chunked = size > 0
        self.whole.append(line.rsplit(" ", 1)[0])

    @staticmethod
    def take(stream, count):
        while count > 0:
            piece = stream.read(min(count, 65536))
            if not piece:
                raise ValueError("no end of the body")
            count -= len(piece)


class Program:
    """One of the three, on a port of its own."""

    def __init__(self, name, directory, command, configuration):
        self.name, self.registry, self.port = name, Registry(), free_port()
        path = directory / f"{name}.conf"
        path.write_text(configuration.format(
            port=self.port, upstream=self.registry.port, directory=directory))
        log = open(directory / f"{name}.log", "wb")
        self.process = subprocess.Popen([*command, str(path)], stdout=log, stderr=log)
        self.results = []
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit(f"{name} does not listen; see {directory}/{name}.log")

    def play_all(self, cases):
        for case in cases:
            before = len(self.registry.whole)
            statuses = self.play(case)
            time.sleep(0.01)
            self.results.append((statuses, self.registry.whole[before:]))

    def play(self, case):
        """The statuses of the answers, in order."""
        received = b""
        with socket.create_connection(("127.0.0.1", self.port)) as peer:
            try:
                for step in case.steps:
                    if step == "end":
                        peer.shutdown(socket.SHUT_WR)
                    elif step == "reset":
                        return ["-"]
                    elif step == "pause":
                        received += self.receive(peer, 1)
                    else:
                        peer.sendall(step)
            except OSError:
                pass
            received += self.receive(peer, len(case.statuses))
        return re.findall(r"HTTP/1\.[01] (\d{3})", received.decode("latin-1")) or ["-"]

    @staticmethod
    def receive(peer, wanted):
        """Until the end, or silence behind as many answers as there should be."""
        data, started = b"", time.monotonic()
        while time.monotonic() - started < PATIENCE:
            peer.settimeout(SILENCE)
            try:
                more = peer.recv(65536)
            except TimeoutError:
                if len(re.findall(rb"HTTP/1\.[01] \d{3}", data)) >= wanted:
                    break
                continue
            except OSError:
                break
            if not more:
                break
            data += more
        return data


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


OURS = """
listen: [{{ address: "127.0.0.1:{port}" }}]
upstream: {{ url: "http://127.0.0.1:{upstream}" }}
auth: {{ htpasswd: {{ file: users }} }}
access: {{ rules: [{{ id: a, who: ["user:alice"], repos: ["team-a/**"], allow: [all] }}] }}
log: {{ access: {{ path: "off" }} }}
"""
# As a careful operator would write it: strict where there is a switch, streaming, one user.
NGINX = """
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/nginx.err;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {directory}/n1; proxy_temp_path {directory}/n2;
    fastcgi_temp_path {directory}/n3; uwsgi_temp_path {directory}/n4; scgi_temp_path {directory}/n5;
    ignore_invalid_headers off; underscores_in_headers off; merge_slashes off;
    large_client_header_buffers 4 8k;
    upstream registry {{ server 127.0.0.1:{upstream}; keepalive 16; }}
    server {{
        listen 127.0.0.1:{port};
        auth_basic Registry; auth_basic_user_file {directory}/nginx-users;
        client_max_body_size 0; proxy_request_buffering off; proxy_buffering off;
        proxy_http_version 1.1; proxy_set_header Connection "";
        location /v2/team-a/ {{ proxy_pass http://registry; }}
        location / {{ return 404; }}
    }}
}}
"""
HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
    timeout http-request 10s
userlist users
    user alice insecure-password "s3cret:pa ss"
frontend in
    bind 127.0.0.1:{port}
    http-request auth realm Registry unless {{ http_auth(users) }}
    http-request deny deny_status 404 unless {{ path_beg /v2/team-a/ }}
    default_backend registry
backend registry
    server a 127.0.0.1:{upstream}
"""


def start(directory):
    hashed = subprocess.run(["openssl", "passwd", "-5", corpus.PASSWORD], check=True,
                            capture_output=True, text=True).stdout.strip()
    for name, mode in (("users", 0o600), ("nginx-users", 0o644)):
        (directory / name).write_text(f"{corpus.USER}:{hashed}\n")
        (directory / name).chmod(mode)
    directory.chmod(0o755)
    return [
        Program("registry-proxy", directory,
                [os.environ["REGISTRY_PROXY_BINARY"], "serve", "--config"], OURS),
        Program("nginx", directory, ["nginx", "-e", f"{directory}/nginx.err", "-c"], NGINX),
        Program("haproxy", directory, ["haproxy", "-db", "-f"], HAPROXY),
    ]


def shown(statuses, whole):
    text = ",".join(statuses[:3]) + ("…" if len(statuses) > 3 else "")
    return text + (f" ^{len(whole)}" if whole else "")


def report(cases, programs):
    counts = collections.Counter()
    print("| file: case | the corpus | " + " | ".join(p.name for p in programs) + " |")
    print("|---|---|" + "---|" * len(programs))
    for index, case in enumerate(cases):
        results = [program.results[index] for program in programs]
        expected = [line for line, is_whole in case.requests if is_whole]
        for program, (_, whole) in zip(programs, results):
            counts[program.name] += bool(set(whole) - set(expected)) or len(whole) > len(expected)
        if all(result == results[0] for result in results):
            counts["the same"] += 1
            continue
        wanted = shown(case.statuses or ["-"], expected)
        row = [f"{case.file[:-4]}: {case.name}", wanted, *(shown(*result) for result in results)]
        print("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |")
    print(f"\n`400 ^1`: answered with 400, and one whole request reached the registry."
          f"\n{len(cases)} cases, {counts['the same']} with the same outcome in all. Cases in which "
          "the registry got a request that the corpus does not have:")
    for program in programs:
        print(f"  {program.name}: {counts[program.name]}")


def main():
    directory = pathlib.Path(sys.argv[1])
    cases = list(corpus.cases(sys.argv[2:] or WIRE))
    programs = start(directory)
    try:
        threads = [threading.Thread(target=p.play_all, args=(cases,)) for p in programs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        for program in programs:
            program.process.terminate()
            program.process.wait()
    report(cases, programs)


main()
