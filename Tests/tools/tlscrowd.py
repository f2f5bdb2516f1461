"""tlscrowd.py PORT PID REGISTRY_PORT IDLE SLOW: opens IDLE connections to the proxy over TLS, each of which pulls a
manifest and stays, and SLOW downloads of 1 KiB a second. Prints at each stage what new pulls take and what the proxy holds,
and at the end whether that is as promised. CA_FILE has the certificate; for the rest of the environment see crowd.py."""
import concurrent.futures
import itertools
import multiprocessing
import os
import re
import select
import socket
import ssl
import statistics
import sys
import threading
import time

import crowd
from crowd import MANIFEST, REPOSITORY

PORT, PID, REGISTRY_PORT, IDLE, SLOW = map(int, sys.argv[1:])
PULLS = 100
TLS = ssl.create_default_context(cafile=os.environ["CA_FILE"])
TLS.minimum_version = ssl.TLSVersion.TLSv1_3


def main():
    # Before any connection to the registry is kept: how many are, changes from moment to moment.
    fresh = descriptor_count()
    registry = crowd.Client(REGISTRY_PORT)
    registry.push("small", os.urandom(crowd.SMALL))
    layer = registry.push_blob(os.urandom(512 << 10))
    # In a process of its own, which waits for none of what this one does. It starts now: later it would have a share in
    # each connection.
    with multiprocessing.Pool(1) as puller:
        # The first request of a login waits for its hash.
        idle_client(0).connection.close()
        alone = Stage("alone", puller)
        idle = [idle_client(number) for number in range(IDLE)]
        with_idle = Stage(f"{IDLE} idle", puller)
        slow = [Client(number, window=8 << 10) for number in range(SLOW)]
        with Trickle([client.begin_download(layer) for client in slow]):
            with_slow = Stage(f"and {SLOW} slow", puller)
        lost = count_closed(idle)
        for client in idle + slow:
            client.connection.close()
        seconds = time_until(lambda: descriptor_count() <= alone.descriptors, within=90)
        gone = Stage("all gone", puller)
    wanted = fresh + IDLE + 2 * SLOW
    each = (with_idle.resident - alone.resident) / IDLE
    return all([
        judge(with_slow.worst < 50, f"a new pull beside them took {with_slow.worst:.1f} ms at most (50)"),
        judge(each <= 25, f"an idle connection takes {each:.1f} KiB (25)"),
        judge(lost == 0 and with_slow.descriptors >= wanted,
              f"all were there: {lost} of the idle ones were closed, {with_slow.descriptors} descriptors ({wanted})"),
        judge(gone.descriptors <= alone.descriptors,
              f"descriptors are back after {seconds:.1f} s: {gone.descriptors} ({alone.descriptors})")])


class Stage:
    """What new pulls take by now, and what the proxy holds after them."""

    def __init__(self, name, puller):
        times = sorted(puller.apply(time_pulls))
        self.worst = times[-1]
        with open(f"/proc/{PID}/status") as file:
            status = file.read()
        self.resident, private = (int(re.search(rf"{key}:\s+(\d+)", status)[1]) for key in ("VmRSS", "RssAnon"))
        self.descriptors = descriptor_count()
        print(f"{name:<14} pulls: median {statistics.median(times):.1f} ms, p99 {times[PULLS * 99 // 100 - 1]:.1f} ms, "
              f"worst {self.worst:.1f} ms; VmRSS {self.resident} KiB, RssAnon {private} KiB; "
              f"{self.descriptors} descriptors", flush=True)


def time_pulls():
    """The milliseconds of pulls one after the other, each on a connection of its own."""
    times = []
    for number in range(PULLS):
        begun = time.monotonic()
        client = Client(number)
        client.pull("small", pace=0)
        times.append(1000 * (time.monotonic() - begun))
        client.connection.close()
        time.sleep(0.1)
    return times


class Client(crowd.Client):
    """One over TLS."""

    def __init__(self, number, window=128 << 10):
        super().__init__(PORT)
        plain = socket.socket()
        plain.settimeout(60)
        # Segments as on Ethernet: with those of the loopback interface the kernel takes in MiBs that nobody reads.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1460)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # One address has too few ports for all.
        plain.bind((f"127.0.0.{2 + number % 8}", 0))
        plain.connect(("127.0.0.1", PORT))
        self.connection.sock = TLS.wrap_socket(plain, server_hostname="127.0.0.1")

    def begin_download(self, digest):
        self.connection.request("GET", f"/v2/{REPOSITORY}/blobs/{digest}", headers=self.login)
        return self.connection.getresponse()


def idle_client(number):
    client = Client(number)
    client.ask("GET", f"/v2/{REPOSITORY}/manifests/small", 200, Accept=MANIFEST)
    return client


def count_closed(clients):
    """How many of them the proxy has ended: nothing else lets them read."""
    poll = select.poll()
    for client in clients:
        poll.register(client.connection.sock, select.POLLIN)
    return len(poll.poll(0))


class Trickle:
    """Meanwhile takes 1 KiB a second of each download, and sees that there is some."""

    def __init__(self, downloads):
        self.downloads, self.is_over = downloads, threading.Event()
        self.executor = concurrent.futures.ThreadPoolExecutor(1)

    def __enter__(self):
        self.work = self.executor.submit(self.take)

    def take(self):
        for download in itertools.cycle(self.downloads):
            if self.is_over.wait(1 / SLOW):
                return
            if download.status != 200 or len(download.read(1024)) < 1024:
                raise RuntimeError(f"a slow download was cut, or refused: {download.status}")

    def __exit__(self, *_):
        self.is_over.set()
        self.work.result()


def descriptor_count():
    return len(os.listdir(f"/proc/{PID}/fd"))


def time_until(is_so, within):
    """After how many seconds it is so; at most `within`."""
    begun = time.monotonic()
    while not is_so() and time.monotonic() - begun < within:
        time.sleep(0.1)
    return time.monotonic() - begun


def judge(is_right, words):
    print("PASS " if is_right else "FAIL ", words)
    return is_right


sys.exit(not main())
