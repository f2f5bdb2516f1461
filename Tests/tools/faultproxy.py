#!/usr/bin/env python3
"""A TCP relay that breaks connections on purpose: for what stands behind it (a registry, a
directory) or before it (a client), whatever protocol they speak.

    faultproxy.py LISTEN TARGET [--mode M]... [--up M]... [--down M]... [--control]

LISTEN and TARGET are host:port, [v6]:port or unix:/path; port 0 takes a free one. The first line of
output is `listening ADDRESS` with the real port; with --control a second one, `control ADDRESS`.

A mode applies to one direction: --up to what the side that connected sends, --down to what the
target sends, --mode to each of the two by itself. Several modes of one direction add up.

    delay=200ms        every byte comes so much later; order and speed stay
    rate=1B/s          so many bytes a second (B, KiB or MiB), in the smallest pieces that need
    cut-after=N        after N bytes both sides see the end of the connection, in order (FIN)
    rst-after=N        after N bytes both sides see a reset (RST)
    halfclose-after=N  after N bytes the receiver sees the end of this direction; the other goes on
    blackhole-after=N  after N bytes nothing passes any more, not even the end; nobody is told
    garbage-after=N    after N bytes, 64 bytes that no protocol knows, then what follows
    dup-answer         every message twice, in one piece: LDAP messages and HTTP answers with a
                       length (none to HEAD) by their own framing, anything else as it was read

A fault of N bytes strikes as soon as the Nth has passed; with N = 0, instead of the first one. Bytes
are counted for each connection, and anew when the modes change.

To the control address one sends lines, each answered by `ok` or `error: why`. They act on the
connections there are, and on later ones:

    mode M...   up M...   down M...     these modes instead of the ones before
    pass                                no modes; what a black hole holds goes on
    cut   reset                         ends every connection now, by FIN or RST
"""
import argparse
import asyncio
import re
import signal
import socket
import struct

GARBAGE = b"\x00\xff\x15\x03 \r\n\r\nGARBAGE\r\n" + bytes(range(0x80, 0xAE))
PIECE = 65536
COUNTED = {"cut-after", "rst-after", "halfclose-after", "blackhole-after", "garbage-after"}


class Modes(dict):
    """The modes of one direction, by name."""

    def __init__(self, words):
        super().__init__(self.read(word) for word in words)

    @staticmethod
    def read(word):
        name, _, value = word.partition("=")
        if name in COUNTED and value.isdecimal():
            return name, int(value)
        if name == "delay" and (m := re.fullmatch(r"(\d+)(ms|s)", value)):
            return name, int(m[1]) / (1000 if m[2] == "ms" else 1)
        if name == "rate" and (m := re.fullmatch(r"(\d+)(B|KiB|MiB)/s", value)) and int(m[1]):
            return name, int(m[1]) * {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20}[m[2]]
        if word == "dup-answer":
            return name, True
        raise ValueError(f"no such mode: {word}")

    def next_fault(self, struck):
        """The nearest counted fault that has not struck yet: (N, name)."""
        counted = [(self[name], name) for name in COUNTED & self.keys() - struck]
        return min(counted, default=(1 << 62, None))


class Plan:
    """What happens to which direction; may change while connections are open."""

    def __init__(self, up, down):
        self.links = set()
        self.modes = {"up": Modes(up), "down": Modes(down)}
        self.changed = asyncio.Event()

    def has(self, name):
        return any(name in modes for modes in self.modes.values())

    def change(self, ways, words):
        for way in ways:
            self.modes[way] = Modes(words)
        self.changed.set()
        self.changed = asyncio.Event()


def address(text):
    """("unix", path) or (host, port)."""
    if text.startswith("unix:"):
        return "unix", text[5:]
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def shown(server):
    name = server.sockets[0].getsockname()
    if isinstance(name, str):
        return "unix:" + name
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"


class Link:
    """One connection from end to end."""

    def __init__(self, writer):
        self.writers, self.ended_by = [writer], None

    def join(self, writer):
        """The far end is connected, perhaps too late."""
        self.writers.append(writer)
        if self.ended_by is not None:
            self.end(self.ended_by)

    def end(self, by_reset):
        self.ended_by = by_reset
        for writer in self.writers:
            if writer.is_closing():
                continue
            if by_reset:
                linger = struct.pack("ii", 1, 0)
                sock = writer.get_extra_info("socket")
                if sock.family != socket.AF_UNIX:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
            else:
                writer.close()


class Pump:
    """One direction of one connection."""

    def __init__(self, plan, way, link, reader, writer):
        self.plan, self.way, self.link = plan, way, link
        self.reader, self.writer = reader, writer
        # Little is read ahead: whoever is behind a slow or dead direction must notice it.
        self.queue = asyncio.Queue(256 if plan.has("delay") else 1)
        self.held = b""
        self.modes, self.passed, self.struck = None, 0, set()

    async def run(self):
        """Ends when the direction has ended and all of it is delivered."""
        await asyncio.gather(self.read(), self.deliver())

    async def read(self):
        """Notes when each piece came, so that a delay does not slow what is behind it."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                data = await self.reader.read(PIECE)
            except ConnectionError:
                data = None
            await self.queue.put((loop.time(), data))
            if not data:
                return

    async def deliver(self):
        loop = asyncio.get_running_loop()
        while True:
            came, data = await self.queue.get()
            self.look()
            if "delay" in self.modes:
                await asyncio.sleep(max(0, came + self.modes["delay"] - loop.time()))
            while self.modes.get("blackhole-after") == 0:
                await self.wait_for_change()
            if data is None:
                return self.link.end(by_reset=True)
            if not data:
                return await self.finish()
            if "dup-answer" in self.modes:
                data = self.doubled(data)
            if not await self.send(data):
                return

    def look(self):
        """Takes up the modes in force; what was counted under others counts no more."""
        if self.modes is not self.plan.modes[self.way]:
            self.modes, self.passed, self.struck = self.plan.modes[self.way], 0, set()

    async def wait_for_change(self):
        await self.plan.changed.wait()
        self.look()

    async def finish(self):
        if not self.writer.is_closing() and self.writer.can_write_eof():
            await self.write(self.held)
            self.writer.write_eof()

    async def send(self, data):
        """Passes data on up to where a fault strikes. False when the direction is over."""
        while data:
            self.look()
            place, fault = self.modes.next_fault(self.struck)
            piece = data[:max(0, place - self.passed)]
            data = data[len(piece):]
            await self.write(piece)
            self.passed += len(piece)
            if self.passed >= place and not await self.strike(fault):
                return False
        return True

    async def strike(self, fault):
        """Does what the mode says. True if what follows passes all the same."""
        self.struck.add(fault)
        if fault == "garbage-after":
            await self.write(GARBAGE)
            return True
        if fault == "blackhole-after":
            await self.wait_for_change()
            return True
        if fault == "halfclose-after":
            self.writer.write_eof()
            while (await self.queue.get())[1]:
                pass
            return False
        self.link.end(by_reset=fault == "rst-after")
        return False

    async def write(self, data):
        rate = self.modes.get("rate")
        size = max(1, rate // 20) if rate else PIECE
        for start in range(0, len(data), size):
            piece = data[start:start + size]
            if self.writer.is_closing():
                return
            self.writer.write(piece)
            await self.writer.drain()
            if rate:
                await asyncio.sleep(len(piece) / rate)

    def doubled(self, data):
        """Whole messages twice; what is incomplete waits for the rest."""
        self.held += data
        out = b""
        while self.held:
            size = message_size(self.held)
            if size is None or size > len(self.held):
                break
            out += self.held[:size] * 2
            self.held = self.held[size:]
        return out


def message_size(data):
    """How many bytes the message at the start takes; None while that cannot be known."""
    if data[:1] == b"\x30":
        if len(data) < 2 or data[1] < 0x80:
            return 2 + data[1] if len(data) > 1 else None
        width = data[1] & 0x7F
        return 2 + width + int.from_bytes(data[2:2 + width], "big") if len(data) > 1 + width else None
    if not data.startswith(b"HTTP/1."):
        return len(data)
    head, end, _ = data.partition(b"\r\n\r\n")
    if not end:
        return None
    length = re.search(rb"\r\ncontent-length:\s*(\d+)", head, re.IGNORECASE)
    return len(head) + 4 + (int(length[1]) if length else 0)


async def relay(plan, target, reader, writer):
    link = Link(writer)
    plan.links.add(link)
    try:
        far = await (asyncio.open_unix_connection(target[1]) if target[0] == "unix"
                     else asyncio.open_connection(*target))
        link.join(far[1])
        if plan.has("rate"):
            shrink_buffers(link)
        await asyncio.gather(Pump(plan, "up", link, reader, far[1]).run(),
                             Pump(plan, "down", link, far[0], writer).run())
    except OSError:
        link.end(by_reset=True)
    finally:
        link.end(by_reset=False)
        plan.links.discard(link)


def shrink_buffers(link):
    """So that a slow direction is slow for both ends, and not swallowed by the kernel."""
    for writer in link.writers:
        for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, buffer, 1 << 14)


async def control(plan, reader, writer):
    while line := await reader.readline():
        command, *words = line.decode().split() or [""]
        answer = "ok"
        try:
            if command in ("up", "down"):
                plan.change([command], words)
            elif command in ("mode", "pass"):
                plan.change(["up", "down"], words if command == "mode" else [])
            elif command in ("cut", "reset"):
                for link in list(plan.links):
                    link.end(by_reset=command == "reset")
            else:
                answer = f"error: no such command: {command}"
        except ValueError as problem:
            answer = f"error: {problem}"
        writer.write(f"{answer}\n".encode())
        await writer.drain()
    writer.close()


async def listen(place, serve):
    """Serves each connection in a task of its own, and has nothing to say when one ends."""
    async def one(reader, writer):
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass

    kind, name = place
    if kind == "unix":
        return await asyncio.start_unix_server(one, name)
    return await asyncio.start_server(one, kind, name, backlog=512)


async def main():
    summary, _, rest = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(description=summary, epilog=rest,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("listen", type=address)
    parser.add_argument("target", type=address)
    for name in ("mode", "up", "down"):
        parser.add_argument(f"--{name}", action="append", default=[], metavar="MODE")
    parser.add_argument("--control", action="store_true")
    options = parser.parse_args()
    try:
        plan = Plan(options.mode + options.up, options.mode + options.down)
    except ValueError as problem:
        parser.error(str(problem))
    server = await listen(options.listen, lambda r, w: relay(plan, options.target, r, w))
    print("listening", shown(server), flush=True)
    if options.control:
        commands = await listen(("127.0.0.1", 0), lambda r, w: control(plan, r, w))
        print("control", shown(commands), flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


asyncio.run(main())
