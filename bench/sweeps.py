#!/usr/bin/env python3
"""What the proxy's work costs as it grows: one line for each step of each sweep, and plots of them.

  sweeps.py --proxy FILE --work FOLDER [--write FOLDER] [SWEEP...]

Needs what `run_peers.py --work FOLDER setup` has made. With --write FOLDER/sweeps.md and FOLDER/sweeps.svg are written.
Exit status 1 when the cost of one unit grows somewhere beyond what its sweep allows: work that grows tenfold may cost
tenfold, and no more.
"""
import argparse, base64, http.client, math, os, resource, ssl, statistics, subprocess, sys, time

import run_peers as bench

ROUNDS = 3
CREDENTIALS = ('-user', bench.USER, '-pass', bench.PASSWORD)


def load(peer, command, *args):
    """One run of the load, and the proxy's CPU seconds in it."""
    before = bench.cpu(peer.pid)[0]
    result = bench.bload(command, '-base', peer.url, *CREDENTIALS, *args)
    if result.get('failed'):
        raise SystemExit(f'{command} {args}: {result}')
    return bench.cpu(peer.pid)[0] - before, result


def small(peer, connections=32, seconds=2):
    """CPU microseconds of one small request, median of a few runs; and requests in a second."""
    costs, rates = [], []
    for _ in range(ROUNDS):
        cpu, result = load(peer, 'small', '-path', bench.MANIFEST, '-conns', connections, '-dur', f'{seconds}s')
        costs.append(cpu * 1e6 / result['requests'])
        rates.append(result['per_s'])
    return statistics.median(costs), statistics.median(rates)


class Ours:
    """The proxy under test, started with options for its template, and stopped."""

    def __init__(self, **options):
        self.peer = bench.Peer('ours', 'fast', options.pop('auth', None), options)

    def __enter__(self):
        return self.peer

    def __exit__(self, *_):
        self.peer.stop()


def sweep_blob_size():
    """GET of a blob on 8 connections"""
    with Ours() as peer:
        for exponent in range(10, 31, 4):
            size = 1 << exponent
            digest = bench.bload('blob', '-size', size, '-o', bench.w('data', 'tmp.blob'))['digest']
            os.replace(bench.w('data', 'tmp.blob'), bench.w('data', 'blobs', digest))
            path = f'/v2/{bench.REPO}/blobs/{digest}'
            costs = []
            for _ in range(ROUNDS):
                cpu, result = load(peer, 'small', '-method', 'GET', '-path', path, '-conns', 8, '-dur', '2s')
                costs.append(cpu * 1e6 / result['requests'])
            yield size, statistics.median(costs)


def sweep_active():
    """HEAD of a manifest, this many connections at work at once"""
    with Ours() as peer:
        for count in (1, 4, 16, 64, 256, 1024):
            yield count, small(peer, count, 3 if count < 256 else 6)[0]


def sweep_idle():
    """HEAD of a manifest on 32 connections, beside this many idle ones"""
    for count in (1, 10, 100, 1000, 10000):
        with Ours(more='limits: { connections: 20000 }') as peer:
            held = subprocess.Popen(
                [bench.w('bin', 'bload'), 'idle', '-base', peer.url, *CREDENTIALS, '-path', bench.MANIFEST,
                 '-conns', str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            held.stdout.readline()
            yield count, small(peer)[0]
            held.communicate()


def sweep_rules():
    """HEAD of a manifest, among this many rules"""
    for count in (1, 10, 100, 1000, 10000):
        with Ours(rules=other_rules(count)) as peer:
            yield count, small(peer)[0]


def sweep_users():
    """HEAD of a manifest, among this many users of a file"""
    for count in (1, 100, 10000, 100000):
        kind = f'b10-{count}'
        with open(bench.w('users', 'b10')) as first, open(bench.w('users', kind), 'w') as file:
            line = first.read()
            file.write(line)
            for number in range(1, count):
                file.write(f'user-{number}:' + line.split(':', 1)[1])
        with Ours(auth=kind) as peer:
            yield count, small(peer)[0]


def sweep_catalog():
    """one name of a walk through the catalog, pages of 100"""
    for count in (100, 1000, 10000, 100000):
        with CatalogUpstream(count) as upstream, Ours(upstream=upstream, rules=other_rules(200)) as peer:
            before = bench.cpu(peer.pid)[0]
            names = walk(peer)
            if names != count:
                raise SystemExit(f'the catalog has {names} names, not {count}')
            yield count, (bench.cpu(peer.pid)[0] - before) * 1e6 / count


def sweep_check():
    """`check` of a configuration with this many rules: read, made ready, looked through for doubts"""
    for count in (1, 10, 100, 1000, 10000):
        with Ours(rules=other_rules(count)) as peer:
            costs = []
            for _ in range(ROUNDS):
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                subprocess.run([bench.A.proxy, 'check', '--config', os.path.join(peer.dir, 'conf')], check=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=peer.dir)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        yield count, statistics.median(costs) * 1e6


def other_rules(count):
    return '\n'.join(f'    - {{ id: r{n}, who: ["user:user-{n}"], repos: ["team-{n}/**"], allow: [push] }}'
                     for n in range(1, count))


class CatalogUpstream:
    """The fast upstream once more, with this many repositories."""

    def __init__(self, count):
        self.address = f'127.0.0.1:{bench.free_port()}'
        self.proc = bench.Proc([bench.w('bin', 'fastup'), '-addr', self.address, '-dir', bench.w('data'),
                                '-repositories', str(count)], bench.w('run', 'catalog-upstream'))
        for _ in range(100):
            try:
                http.client.HTTPConnection(self.address).request('GET', '/v2/')
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit('no upstream with a catalog')

    def __enter__(self):
        return self.address

    def __exit__(self, *_):
        self.proc.stop()


def walk(peer):
    """How many names the catalog has for the user of the bench."""
    client = http.client.HTTPSConnection(f'127.0.0.1:{peer.port}', context=ssl._create_unverified_context())
    login = base64.b64encode(f'{bench.USER}:{bench.PASSWORD}'.encode()).decode()
    path, count = '/v2/_catalog?n=100', 0
    while path:
        client.request('GET', path, headers={'Authorization': 'Basic ' + login})
        answer = client.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f'{path}: {answer.status} {body}')
        count += body.count(b'","') + (b'":["' in body)
        link = answer.getheader('Link')
        path = link[1:link.index('>')] if link else None
    return count


# Name, function, what grows, and whether the work may grow with it: a request should not notice.
SWEEPS = [
    ('blob size', sweep_blob_size, 'bytes', True),
    ('connections at work', sweep_active, 'connections', False),
    ('idle connections', sweep_idle, 'connections', False),
    ('rules', sweep_rules, 'rules', False),
    ('users', sweep_users, 'users', False),
    ('catalog', sweep_catalog, 'repositories', False),
    ('check', sweep_check, 'rules', True),
]
# Noise of a shared machine, and caches that become too small, are no cliff.
MOST = 2.0


def cliffs(points, grows):
    """The steps at which the cost makes a leap, or outgrows what is swept."""
    found = []
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        allowed = y0 * MOST * (x1 / x0 if grows else 1)
        if y1 > allowed:
            found.append(x1)
    return found


def shown(number):
    for unit, size in (('G', 1 << 30), ('M', 1 << 20), ('k', 1 << 10)):
        if number >= size and number % size == 0:
            return f'{number // size} {unit}i'
    return f'{number:,}'


def plot(results):
    """Small plots side by side, both axes logarithmic, as SVG."""
    width, height, columns = 300, 220, 2
    rows = math.ceil(len(results) / columns)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * columns}" height="{height * rows}" '
           'font-family="sans-serif" font-size="11">',
           f'<rect width="{width * columns}" height="{height * rows}" fill="white"/>']
    for index, (name, _, what, points) in enumerate(results):
        left, top = 50 + index % columns * width, 30 + index // columns * height
        across, down = width - 75, height - 75
        xs = [math.log10(x) for x, _ in points]
        ys = [math.log10(y) for _, y in points]
        floor, roof = math.floor(min(ys)), max(math.ceil(max(ys)), math.floor(min(ys)) + 2)
        place = lambda x, y: (left + (x - xs[0]) / (xs[-1] - xs[0]) * across, top + (roof - y) / (roof - floor) * down)
        out += [f'<text x="{left}" y="{top - 10}" font-weight="bold">{name}</text>',
                f'<path d="M{left} {top}V{top + down}H{left + across}" fill="none" stroke="grey"/>']
        for power in range(floor, roof + 1):
            _, y = place(xs[0], power)
            out += [f'<path d="M{left} {y:.0f}h{across}" stroke="#ddd"/>',
                    f'<text x="{left - 5}" y="{y + 4:.0f}" text-anchor="end">{10.0 ** power:g}</text>']
        for (x, _), a in zip(points, xs):
            out.append(f'<text x="{place(a, floor)[0]:.0f}" y="{top + down + 14}" text-anchor="middle">{shown(x)}</text>')
        line = ' '.join('{:.0f},{:.0f}'.format(*place(a, b)) for a, b in zip(xs, ys))
        out += [f'<polyline points="{line}" fill="none" stroke="#2a6f97" stroke-width="2"/>',
                f'<text x="{left + across / 2}" y="{top + down + 28}" text-anchor="middle" fill="grey">{what}</text>']
    return '\n'.join(out + ['</svg>']) + '\n'


TEXT = """# Cost as work grows

Written by `scripts/sweeps`; not by hand. {about}

CPU microseconds of the proxy's process, with all features on, before the fast upstream of the bench. Both axes of the
plots are logarithmic. A flat line is work that does not notice what grows.

![sweeps](sweeps.svg)

{tables}"""


def table(name, description, what, points):
    lines = [f'| {name}: {description} | ' + ' | '.join(shown(x) for x, _ in points) + ' |', '|---' * (len(points) + 1) + '|',
             '| CPU-us | ' + ' | '.join(f'{y:.3g}' for _, y in points) + ' |']
    return '\n'.join(lines) + '\n'


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('sweeps', nargs='*', help=', '.join(name for name, *_ in SWEEPS))
    options.add_argument('--work', required=True)
    options.add_argument('--proxy', required=True)
    options.add_argument('--port-base', type=int, default=21000)
    options.add_argument('--write', metavar='FOLDER')
    options.add_argument('--about', default='')
    given = options.parse_args()
    bench.A = argparse.Namespace(work=given.work, proxy=given.proxy, port_base=given.port_base, user='www-data',
                                 lock='', apache_modules='', sections='')
    bench.load_digests()
    results, failed = [], False
    try:
        with bench.Upstreams() as bench.UP:
            for name, sweep, what, grows in SWEEPS:
                if given.sweeps and name not in given.sweeps:
                    continue
                points = list(sweep())
                results.append((name, sweep.__doc__, what, points))
                print(table(*results[-1]), end='', flush=True)
                for x in cliffs(points, grows):
                    failed = True
                    print(f'FAIL  {name}: a cliff at {shown(x)} {what}', flush=True)
    finally:
        for process in list(bench.STARTED):
            process.stop()
    if given.write:
        with open(os.path.join(given.write, 'sweeps.md'), 'w') as file:
            file.write(TEXT.format(about=given.about, tables='\n'.join(table(*r) for r in results)))
        with open(os.path.join(given.write, 'sweeps.svg'), 'w') as file:
            file.write(plot(results))
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
