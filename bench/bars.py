#!/usr/bin/env python3
"""Our proxy beside the best of its peers, round by round, against what it promises.

  bars.py RESULTS.jsonl...                               the table
  bars.py --write FOLDER --about TEXT RESULTS.jsonl...   also FOLDER/benchmarks.md and FOLDER/benchmarks.svg

Exit status 1 when a bar is missed. In each round the best of the peers is taken; the ratio is the median of the
rounds'. Every bar is of `scripts/bench`, with all of ours switched on.
"""
import argparse, json, os, statistics, sys

TUNED = ('nginx-tuned', 'haproxy-tuned', 'caddy')
ANY = TUNED + ('nginx-recipe', 'haproxy', 'apache', 'apache-tuned', 'registry-htpasswd')

# What it is called, section, figure, key, unit, decimals, most of ours / the best, who it is compared with.
BARS = [
    ('pull, 1 connection', 'pull-fast', '1conn', 'cpu_s_per_gib', 'CPU-s/GiB', 3, 0.75, TUNED),
    ('pull, 1 connection, beside the C relay', 'pull-fast', '1conn', 'cpu_s_per_gib', 'CPU-s/GiB', 3, 1.15, ('relay',)),
    ('pull, 8 connections', 'pull-fast', '8conn', 'cpu_s_per_gib', 'CPU-s/GiB', 3, 0.80, TUNED),
    ('push, Content-Length', 'push-fast', '1conn-cl', 'cpu_s_per_gib', 'CPU-s/GiB', 3, 0.90, TUNED),
    ('push, chunked', 'push-fast', '1conn-chunked', 'cpu_s_per_gib', 'CPU-s/GiB', 3, 0.85, TUNED),
    ('small request, 32 connections', 'small', '32conn', 'cpu_us_per_request', 'CPU-us', 1, 0.65, TUNED),
    ('handshake and one request', 'conn', '8workers', 'cpu_us_per_request', 'CPU-us', 0, 1.00, TUNED),
    ('latency of 1 KiB, p50', 'lat', '1conn', 'p50_us', 'us', 0, 1.00, TUNED),
    ('latency of 1 KiB, p99', 'lat', '1conn', 'p99_us', 'us', 0, 1.00, TUNED),
    ('memory, idle', 'mem', 'idle', 'pss_mib', 'MiB PSS', 1, 0.80, ANY),
    ('memory, 1,000 idle connections', 'mem', 'idle1000', 'pss_mib', 'MiB PSS', 1, 0.90, ANY),
    ('memory, 200 slow downloads', 'mem', 'slow200', 'pss_mib', 'MiB PSS', 1, 1.00, ANY),
]


def rounds_of(files):
    """(section, figure) -> round -> peer -> result; each file's rounds count apart."""
    found = {}
    for number, name in enumerate(files):
        with open(name) as lines:
            for line in lines:
                r = json.loads(line)
                if r.get('failed'):
                    print(f"{r['section']} {r['figure']} {r['peer']}: failed in round {r['rep']}", file=sys.stderr)
                    continue
                by_round = found.setdefault((r['section'], r['figure']), {})
                # A users' hash that is no main figure comes after, and does not count.
                by_round.setdefault((number, r['rep']), {}).setdefault(r['peer'], r)
    return found


class Row:
    """One bar and what was measured."""

    def __init__(self, bar, found):
        self.name, section, figure, key, self.unit, self.decimals, self.limit, allowed = bar
        by_round = found.get((section, figure), {}).values()
        self.ratios, self.ours, per_peer = [], [], {}
        for peers in by_round:
            others = {n: r[key] for n, r in peers.items() if n in allowed and key in r}
            if 'ours' not in peers or not others:
                continue
            self.ours.append(peers['ours'][key])
            self.ratios.append(peers['ours'][key] / min(others.values()))
            for name, value in others.items():
                per_peer.setdefault(name, []).append(value)
        self.peers = {n: statistics.median(v) for n, v in per_peer.items()}

    @property
    def ratio(self):
        return statistics.median(self.ratios)

    @property
    def is_met(self):
        return self.ratio <= self.limit

    def cells(self):
        best = min(self.peers, key=self.peers.get)
        number = f'.{self.decimals}f'
        return (self.name, f'{statistics.median(self.ours):{number}} {self.unit}',
                f'{best} {self.peers[best]:{number}}', f'{self.ratio:.2f}',
                f'{min(self.ratios):.2f} to {max(self.ratios):.2f}', f'<= {self.limit:.2f}',
                'met' if self.is_met else 'MISSED')


def table(rows):
    head = ('work', 'ours', 'best peer', 'ours / best', 'all rounds', 'bar', '')
    lines = [head, tuple('---' for _ in head)] + [r.cells() for r in rows]
    return '\n'.join('| ' + ' | '.join(cells) + ' |' for cells in lines) + '\n'


def plot(rows):
    """Bars of the ratios, the best peer at 1, as SVG."""
    left, unit, high, top = 300, 260, 24, 40
    width, height = left + int(unit * 1.4) + 70, top + high * len(rows) + 20
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="white"/>',
           f'<text x="{left}" y="18">registry-proxy / the best of its peers, less is better</text>']
    for number, row in enumerate(rows):
        y = top + high * number
        shown = min(row.ratio, 1.4)
        colour = '#2a6f97' if row.is_met else '#c1121f'
        out += [f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{row.name}</text>',
                f'<rect x="{left}" y="{y}" width="{shown * unit:.0f}" height="{high - 7}" fill="{colour}"/>',
                f'<text x="{left + shown * unit + 6:.0f}" y="{y + 13}">{row.ratio:.2f}</text>',
                f'<path d="M{left + row.limit * unit:.0f} {y - 2}v{high - 3}" stroke="black"/>']
    out += [f'<path d="M{left + unit} {top - 6}V{height - 12}" stroke="grey" stroke-dasharray="4 3"/>',
            f'<text x="{left + unit}" y="{height - 2}" text-anchor="middle" fill="grey">1 = best peer</text>', '</svg>']
    return '\n'.join(out) + '\n'


TEXT = """# Benchmarks

Written by `scripts/bench`; not by hand. {about}

All programs do the same work in the same run, one after the other, and each round goes through all of them. Ours has
everything on that costs something: a users' file with bcrypt cost 10, two hundred rules, the access log in JSON, the
audit trail with group commit, metrics. Peers have their cheapest users' hash. The upstream is a fast one on loopback,
so that the proxy is what is seen. CPU is that of the proxy's processes. How to read such figures:
[bench/README.md](../bench/README.md).

![ratios](benchmarks.svg)

The vertical mark is the bar that the proxy has to keep below.

{table}
Peers in all figures of this run, medians:

{peers}"""


def peers_table(rows):
    names = sorted({name for row in rows for name in row.peers})
    lines = ['| work | ours | ' + ' | '.join(names) + ' |', '|---' * (len(names) + 2) + '|']
    for row in rows:
        if list(row.peers) == ['relay']:
            continue
        values = [statistics.median(row.ours)] + [row.peers.get(n) for n in names]
        cells = ['-' if v is None else f'{v:.{row.decimals}f}' for v in values]
        lines.append(f'| {row.name}, {row.unit} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines) + '\n'


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('files', nargs='+')
    options.add_argument('--write', metavar='FOLDER')
    options.add_argument('--about', default='', help='machine, versions, date')
    given = options.parse_args()
    found = rounds_of(given.files)
    rows = [row for row in (Row(bar, found) for bar in BARS) if row.ratios]
    print(table(rows), end='')
    if given.write:
        with open(os.path.join(given.write, 'benchmarks.md'), 'w') as file:
            file.write(TEXT.format(about=given.about, table=table(rows), peers=peers_table(rows)))
        with open(os.path.join(given.write, 'benchmarks.svg'), 'w') as file:
            file.write(plot(rows))
    sys.exit(0 if rows and all(row.is_met for row in rows) else 1)


if __name__ == '__main__':
    main()
