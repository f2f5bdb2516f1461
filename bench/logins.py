#!/usr/bin/env python3
"""Measures logins from outside: what a storm of wrong ones does to others, and what time tells.

  logins.py storm --name NAME --url URL --good USER:PASSWORD --fresh FILE [options]
  logins.py timing --url URL --known USER [--samples N]
  logins.py directory --url URL --good USER:PASSWORD --fresh FILE --pid PID --directory PORT --before PORT [options]

`scripts/login-storm`, `scripts/login-timing` and `scripts/directory-faults` start the programs and call this; see there. TLS is spoken,
certificates are not checked: everything is on the loopback interface.
"""
import argparse, asyncio, base64, json, os, random, ssl, statistics, sys, time
from urllib.parse import urlparse

A = None
TLS = ssl.create_default_context()
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE


class Connection:
    """One connection that is kept; opened anew when the other side has closed it."""

    def __init__(self, source=None):
        self.source, self.reader, self.writer = source, None, None

    async def get(self, path, user, password):
        """The status of a GET, its body read."""
        for attempt in (0, 1):
            fresh = self.writer is None
            if fresh:
                u = urlparse(A.url)
                self.reader, self.writer = await asyncio.open_connection(
                    u.hostname, u.port, ssl=TLS if u.scheme == 'https' else None,
                    local_addr=(self.source, 0) if self.source else None)
            try:
                return await self._exchange(path, user, password)
            except (ConnectionError, asyncio.IncompleteReadError):
                self.close()
                if fresh or attempt:
                    raise
        return 0

    async def _exchange(self, path, user, password):
        login = base64.b64encode(f'{user}:{password}'.encode()).decode()
        self.writer.write(f'GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\n'
                          'Accept: application/vnd.oci.image.manifest.v1+json\r\n\r\n'.encode())
        head = (await self.reader.readuntil(b'\r\n\r\n')).decode('latin1').lower()
        status, length = int(head.split(' ', 2)[1]), 0
        for line in head.split('\r\n')[1:]:
            if line.startswith('content-length:'):
                length = int(line[15:])
        if 'transfer-encoding: chunked' in head:
            while True:
                size = int(await self.reader.readline(), 16)
                await self.reader.readexactly(size + 2)
                if size == 0:
                    break
        elif length:
            await self.reader.readexactly(length)
        if 'connection: close' in head:
            self.close()
        return status

    def close(self):
        if self.writer:
            self.writer.close()
        self.writer = None


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else float('nan')


# ---- the storm ---------------------------------------------------------------

async def every(seconds, until, turn):
    """Calls `turn` at fixed times, whatever it takes; a late one is not made up for."""
    due = time.monotonic() + random.random() * seconds
    while due < until:
        await asyncio.sleep(max(0, due - time.monotonic()))
        await turn()
        due = max(due + seconds, time.monotonic())


async def pulls(until, times, statuses):
    user, password = A.good.split(':', 1)

    async def one():
        connection = Connection()
        async def turn():
            begun = time.monotonic()
            try:
                status = await connection.get(A.path, user, password)
            except (OSError, asyncio.IncompleteReadError) as error:
                status = type(error).__name__
                connection.close()
            times.append(time.monotonic() - begun)
            statuses[status] = statuses.get(status, 0) + 1
        await every(0.1, until, turn)
        connection.close()
    await asyncio.gather(*[one() for _ in range(A.pullers)])


async def logins(until, statuses, wrong):
    user, password = A.good.split(':', 1)

    async def one(number):
        connection = Connection()
        count = 0
        async def turn():
            nonlocal count
            count += 1
            guess = f'guess-{number}-{count}-{random.random()}'
            try:
                if wrong:
                    name = user if number % 2 else f'nobody{number}'
                    status = await connection.get('/v2/', name, guess)
                else:
                    status = await connection.get('/v2/', user, password)
            except (OSError, asyncio.IncompleteReadError) as error:
                status = type(error).__name__
                connection.close()
            statuses[status] = statuses.get(status, 0) + 1
        await every(0.25, until, turn)
        connection.close()
    await asyncio.gather(*[one(number) for number in range(64)])


async def newcomers(until, fresh, results):
    while fresh and time.monotonic() < until - 2:
        user, password = fresh.pop(0)
        connection = Connection('127.0.0.2')
        begun = time.monotonic()
        try:
            status = await asyncio.wait_for(connection.get('/v2/', user, password), 10)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
            status = type(error).__name__
        results.append((status, time.monotonic() - begun))
        connection.close()
        await asyncio.sleep(0.3)


def in_child(work):
    """Runs a coroutine in a process of its own; a pipe brings what it returns."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        with os.fdopen(write, 'w') as out:
            json.dump(asyncio.run(work()), out)
        os._exit(0)
    os.close(write)
    return pid, read


def round_(wrong, fresh):
    until = time.monotonic() + A.seconds

    async def attackers():
        statuses = {}
        await logins(until, statuses, wrong)
        return {str(k): v for k, v in statuses.items()}

    async def known():
        times, statuses = [], {}
        await pulls(until, times, statuses)
        return {'p50': percentile(times, 0.5), 'p99': percentile(times, 0.99), 'count': len(times),
                'statuses': {str(k): v for k, v in statuses.items()}}

    async def new():
        results = []
        if wrong:
            await newcomers(until, fresh, results)
        return results

    # Each in a process of its own, so that none waits for another's handshakes.
    children = [in_child(work) for work in (attackers, known, new)]
    answers = []
    for pid, pipe in children:
        with os.fdopen(pipe) as f:
            answers.append(json.load(f))
        os.waitpid(pid, 0)
    storm, result, result['fresh'] = answers
    del fresh[:len(result['fresh'])]
    return result, storm


def storm():
    fresh = [line.strip().split(':', 1) for line in open(A.fresh)]
    calm, stormy, new, storms = [], [], [], {}
    for number in range(A.rounds):
        result, _ = round_(False, fresh)
        calm.append(result)
        result, statuses = round_(True, fresh)
        stormy.append(result)
        new += result['fresh']
        for status, count in statuses.items():
            storms[status] = storms.get(status, 0) + count
        print(f'{A.name} round {number + 1}: p99 of pulls {calm[-1]["p99"] * 1000:.1f} ms with valid logins, '
              f'{stormy[-1]["p99"] * 1000:.1f} ms in the storm', file=sys.stderr, flush=True)
    ratio = statistics.median(s['p99'] / c['p99'] for s, c in zip(stormy, calm))
    good = [seconds for status, seconds in new if status == 200 and seconds < 2]
    print(json.dumps({
        'name': A.name, 'rounds': A.rounds, 'seconds': A.seconds,
        'p99_ms_valid': round(1000 * statistics.median(c['p99'] for c in calm), 2),
        'p99_ms_storm': round(1000 * statistics.median(s['p99'] for s in stormy), 2),
        'p99_ratio': round(ratio, 2), 'pull_statuses': stormy[-1]['statuses'],
        'new_logins': len(new), 'new_logins_within_2s': len(good),
        'new_login_p50_ms': round(1000 * percentile([s for _, s in new], 0.5)),
        'new_login_max_ms': round(1000 * max([s for _, s in new], default=0)),
        'storm_statuses': storms,
    }))


# ---- what time tells -----------------------------------------------------------

async def sample(user):
    connection = Connection()
    await connection.get('/', user, 'x')
    begun = time.perf_counter()
    status = await connection.get('/v2/', user, f'wrong-{random.random()}')
    elapsed = time.perf_counter() - begun
    connection.close()
    if status != 401:
        raise SystemExit(f'{status} instead of 401: is auth.throttle.enabled false?')
    return elapsed


def best_threshold(one, other):
    """How often the best single threshold tells the two apart; 0.5 is a coin."""
    marked = sorted([(t, 1) for t in one] + [(t, -1) for t in other])
    lead = best = 0
    for _, side in marked:
        lead += side
        best = max(best, abs(lead))
    return 0.5 + best / (2 * len(one))


async def timing():
    known, unknown = [], []
    for _ in range(3):
        await sample(A.known), await sample('nobody')
    for number in range(A.samples):
        order = [(known, A.known), (unknown, f'nobody{number}')]
        random.shuffle(order)
        for times, user in order:
            times.append(await sample(user))
    print(json.dumps({
        'samples': A.samples, 'best_threshold': round(best_threshold(known, unknown), 4),
        'known_p50_ms': round(1000 * statistics.median(known), 2),
        'unknown_p50_ms': round(1000 * statistics.median(unknown), 2),
    }))


# ---- a directory that fails ------------------------------------------------------

class Middleman:
    """Stands before a directory and can fail in its place."""

    FAULTS = ('stopped', 'silent', 'reset', 'slow')

    def __init__(self, port, target):
        self.port, self.target, self.fault, self.server = port, target, None, None
        self.writers = set()

    async def begin(self, fault):
        self.fault = fault
        if fault == 'stopped':
            await self.close()
        if fault in ('stopped', 'reset'):
            for writer in list(self.writers):
                writer.transport.abort()

    async def end(self):
        self.fault = None
        # What was held back by the fault does not come any more.
        for writer in list(self.writers):
            writer.transport.abort()
        if self.server is None:
            await self.open()

    async def open(self):
        self.server = await asyncio.start_server(self.serve, '127.0.0.1', self.port)

    async def close(self):
        if self.server:
            self.server.close()
            self.server = None

    async def serve(self, reader, writer):
        self.writers.add(writer)
        other = None
        try:
            from_there, other = await asyncio.open_connection('127.0.0.1', self.target)
            await asyncio.gather(self.pump(reader, other, writer), self.pump(from_there, writer, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self.writers.discard(writer)
            for each in (writer, other):
                if each:
                    each.close()

    async def pump(self, reader, writer, client):
        while data := await reader.read(65536):
            if self.fault == 'silent':
                continue
            if self.fault == 'reset':
                client.transport.abort()
                return
            if self.fault == 'slow':
                await asyncio.sleep(5)
            writer.write(data)
            await writer.drain()
        writer.close()


def cpu_seconds(pid):
    with open(f'/proc/{pid}/stat') as stat:
        fields = stat.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


async def strangers(until, fresh, results):
    """Somebody new every half second."""
    async def turn():
        user, password = fresh.pop(0)
        connection = Connection()
        begun = time.monotonic()
        try:
            status = await asyncio.wait_for(connection.get('/v2/', user, password), 30)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
            status = type(error).__name__
        results.append((str(status), time.monotonic() - begun))
        connection.close()
    jobs, due = [], time.monotonic()
    while due < until:
        await asyncio.sleep(max(0, due - time.monotonic()))
        jobs.append(asyncio.create_task(turn()))
        due += 0.5
    await asyncio.gather(*jobs)


async def time_with(fault, man, fresh):
    """Pulls of somebody who is known, and first logins, for some seconds."""
    times, statuses, results = [], {}, []
    if fault:
        await man.begin(fault)
    begun, used = time.monotonic(), cpu_seconds(A.pid)
    until = begun + A.seconds
    await asyncio.gather(pulls(until, times, statuses), strangers(until, fresh, results))
    share = (cpu_seconds(A.pid) - used) / (time.monotonic() - begun)
    return {'p99': percentile(times, 0.99), 'statuses': statuses, 'strangers': results, 'cpu': share}


async def recovery(fresh):
    """Seconds until somebody new can log in again; somebody tries ten times a second."""
    begun = time.monotonic()
    while time.monotonic() - begun < 30:
        results = []
        await strangers(time.monotonic() + 0.1, fresh, results)
        if results[0][0] == '200':
            return time.monotonic() - begun
        await asyncio.sleep(0.1)
    return float('inf')


async def directory_fault(fault, man, fresh):
    calm, bad, back = [], [], []
    for _ in range(A.rounds):
        calm.append(await time_with(None, man, fresh))
        bad.append(await time_with(fault, man, fresh))
        await man.end()
        back.append(await recovery(fresh))
    answers = {}
    for status, _ in (each for one in bad for each in one['strangers']):
        answers[status] = answers.get(status, 0) + 1
    pulled = {}
    for one in bad:
        for status, count in one['statuses'].items():
            pulled[str(status)] = pulled.get(str(status), 0) + count
    return {
        'fault': fault, 'rounds': A.rounds, 'seconds': A.seconds,
        'p99_ratio': round(statistics.median(b['p99'] / c['p99'] for b, c in zip(bad, calm)), 2),
        'p99_ms_without': round(1000 * statistics.median(c['p99'] for c in calm), 2),
        'p99_ms_with': round(1000 * statistics.median(b['p99'] for b in bad), 2),
        'pulls': pulled, 'first_logins': answers,
        'longest_refusal_s': round(max(t for one in bad for s, t in one['strangers']), 2),
        'cpu_percent': round(100 * statistics.median(b['cpu'] for b in bad), 1),
        'cpu_percent_without': round(100 * statistics.median(c['cpu'] for c in calm), 1),
        'recovery_s': round(max(back), 2),
    }


async def directory():
    with open(A.fresh) as file:
        fresh = [line.strip().split(':', 1) for line in file]
    man = Middleman(A.before, A.directory)
    await man.open()
    user, password = A.good.split(':', 1)
    connection, end = Connection(), time.monotonic() + 10
    # The proxy may still take the directory for dead.
    while await connection.get(A.path, user, password) != 200:
        if time.monotonic() > end:
            raise SystemExit('the login that is to be remembered is refused')
        await asyncio.sleep(0.2)
    connection.close()
    for fault in A.faults.split(','):
        print(json.dumps(await directory_fault(fault, man, fresh)), flush=True)
    # Without waiting for those who still wait for the directory.
    os._exit(0)


def main():
    global A
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('what', choices=['storm', 'timing', 'directory'])
    parser.add_argument('--url', required=True)
    parser.add_argument('--name', default='ours')
    parser.add_argument('--good', help='a login that is right')
    parser.add_argument('--fresh', help='a file of USER:PASSWORD, each for one first login')
    parser.add_argument('--path', default='/v2/', help='what is pulled')
    parser.add_argument('--pullers', type=int, default=10, help='connections that pull ten times a second')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=60)
    parser.add_argument('--known', help='a user that exists')
    parser.add_argument('--samples', type=int, default=1000)
    parser.add_argument('--pid', type=int, help='of the proxy')
    parser.add_argument('--directory', type=int, help='the port of the directory')
    parser.add_argument('--before', type=int, help='the port where the proxy believes it to be')
    parser.add_argument('--faults', default=','.join(Middleman.FAULTS))
    A = parser.parse_args()
    if A.what == 'storm':
        storm()
    elif A.what == 'directory':
        asyncio.run(directory())
    else:
        asyncio.run(timing())


main()
