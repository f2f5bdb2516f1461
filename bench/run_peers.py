#!/usr/bin/env python3
"""Measures authenticating TLS proxies in front of a registry, side by side.

  run_peers.py setup                      build the tools, make cert, users, blobs; seed the registry
  run_peers.py upstreams                  start both upstreams and stay (Ctrl-C ends them)
  run_peers.py run [options]              measure; --extra adds one more, already running, proxy
  run_peers.py report FILE.jsonl...       print the tables of earlier runs again

See README.md beside this file.
"""
import argparse, base64, contextlib, fcntl, http.client, json, os, re, shutil, signal
import socket, ssl, statistics, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
USER, PASSWORD, REPO, TAG = 'bench', 'bench-secret', 'bench/repo', 'v1'
GIB = 1 << 30
SIZES = {'G': 1 << 30, 'M': 256 << 20, 'S': 32 << 20, 'c': 1024}
A = None            # the arguments
DIGEST = {}         # size letter -> digest
MANIFEST = f'/v2/{REPO}/manifests/{TAG}'


def log(*a):
    print(time.strftime('%H:%M:%S'), *a, file=sys.stderr, flush=True)


def w(*parts):
    return os.path.join(A.work, *parts)


LOCK = {'file': None, 'since': 0.0}


@contextlib.contextmanager
def lock():
    """Holds the lock for a measurement, and on for the next ones until LOCK_S
    seconds have gone by; then the machine's other users get their turn."""
    if not A.lock:
        yield
        return
    if LOCK['file'] is None:
        f = open(A.lock, 'a')
        t = time.time()
        fcntl.flock(f, fcntl.LOCK_EX)
        if time.time() - t > 2:
            log(f'waited {time.time() - t:.0f} s for {A.lock}')
        LOCK.update(file=f, since=time.time())
    try:
        yield
    finally:
        if time.time() - LOCK['since'] > A.lock_s:
            unlock()


def unlock():
    if LOCK['file']:
        LOCK['file'].close()
        LOCK['file'] = None


# ---- processes -------------------------------------------------------------

def children_map():
    kids = {}
    for p in os.listdir('/proc'):
        if p.isdigit():
            try:
                with open(f'/proc/{p}/stat') as f:
                    ppid = int(f.read().rsplit(')', 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            kids.setdefault(ppid, []).append(int(p))
    return kids


def tree(pid):
    kids, out, todo = children_map(), [], [pid]
    while todo:
        p = todo.pop()
        out.append(p)
        todo += kids.get(p, [])
    return sorted(out)


def cpu(pid):
    """CPU seconds (user+system) of a process and all its descendants, to the
    nanosecond: the kernel's per-process CPU clock, plus what reaped children used."""
    total, hz = 0.0, os.sysconf('SC_CLK_TCK')
    pids = tree(pid)
    for p in pids:
        try:
            total += time.clock_gettime((~p << 3) | 2)
        except OSError:
            pass
    with open(f'/proc/{pid}/stat') as f:
        s = f.read().rsplit(')', 1)[1].split()
    return total + (int(s[13]) + int(s[14])) / hz, pids


def memory(pid):
    pss = rss = 0
    for p in tree(pid):
        with open(f'/proc/{p}/smaps_rollup') as f:
            t = f.read()
        pss += int(re.search(r'^Pss:\s+(\d+)', t, re.M).group(1))
        rss += int(re.search(r'^Rss:\s+(\d+)', t, re.M).group(1))
    return {'pss_mib': pss / 1024, 'rss_mib': rss / 1024, 'procs': len(tree(pid))}


def written(pid):
    total = 0
    for p in tree(pid):
        try:
            with open(f'/proc/{p}/io') as f:
                total += int(re.search(r'^write_bytes: (\d+)', f.read(), re.M).group(1))
        except OSError:
            pass
    return total


def busy():
    """Busy CPU seconds of the whole machine, and what the hypervisor took."""
    with open('/proc/stat') as f:
        v = [int(x) / os.sysconf('SC_CLK_TCK') for x in f.readline().split()[1:9]]
    return v[0] + v[1] + v[2] + v[5] + v[6], v[7]


def fill(template, values):
    with open(os.path.join(HERE, 'templates', template)) as f:
        text = f.read()

    def sub(m):
        k, _, default = m.group(1).partition('|')
        if k in values:
            return str(values[k])
        if '|' in m.group(1):
            return default
        raise KeyError(f'{template}: {k}')
    return re.sub(r'\{\{([^}]+)\}\}', sub, text)


STARTED = []
NEXT = [0]


def free_port():
    while True:
        p = A.port_base + 100 + NEXT[0]
        NEXT[0] += 1
        if NEXT[0] > 800:
            NEXT[0] = 0
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(('127.0.0.1', p))
                return p
            except OSError:
                continue


class Proc:
    def __init__(self, argv, where, env=None):
        os.makedirs(where, exist_ok=True)
        self.out = open(os.path.join(where, 'stdout.log'), 'ab')
        self.p = subprocess.Popen(argv, stdout=self.out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                  cwd=where, env={**os.environ, **(env or {})}, start_new_session=True)
        self.pid = self.p.pid
        STARTED.append(self)

    def stop(self):
        if self in STARTED:
            STARTED.remove(self)
        if self.p.poll() is None:
            self.p.terminate()
            try:
                self.p.wait(8)
            except subprocess.TimeoutExpired:
                for q in reversed(tree(self.pid)):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(q, signal.SIGKILL)
                self.p.wait()
        self.out.close()


# ---- peers -----------------------------------------------------------------

# name -> (template, command, default users' hash, options for the template)
def which(n):
    for d in os.environ.get('PATH', '').split(':') + ['/usr/sbin', '/usr/local/sbin']:
        if os.access(os.path.join(d, n), os.X_OK):
            return os.path.join(d, n)
    return n


def argv_nginx(conf, d):
    return [which('nginx'), '-p', d, '-c', conf]


def argv_apache(conf, d):
    return [which('apache2'), '-D', 'FOREGROUND', '-f', conf]


def argv_haproxy(conf, d):
    return [which('haproxy'), '-db', '-f', conf]


def argv_caddy(conf, d):
    return [which('caddy'), 'run', '--config', conf, '--adapter', 'caddyfile']


def argv_registry(conf, d):
    return [which('docker-registry'), 'serve', conf]


def argv_ours(conf, d):
    return [os.path.abspath(A.proxy), 'serve', '--config', conf]


def argv_relay(conf, d):
    with open(conf) as f:
        return [w('bin', 'relay'), *f.read().split()]


PEERS = {
    'nginx-recipe': ('nginx-recipe.conf', argv_nginx, 'sha', {}),
    'nginx-tuned': ('nginx-tuned.conf', argv_nginx, 'sha', {'proxy_buffer': '256k', 'body_buffer': '64k'}),
    'apache': ('apache.conf', argv_apache, 'sha', {}),
    'apache-tuned': ('apache.conf', argv_apache, 'sha', {'iobuffer': 65536}),
    'haproxy': ('haproxy.cfg', argv_haproxy, 'plain', {}),
    'haproxy-tuned': ('haproxy.cfg', argv_haproxy, 'plain', {'bufsize': 262144}),
    'caddy': ('Caddyfile', argv_caddy, 'b5', {}),
    'registry-htpasswd': ('registry-htpasswd.yml', argv_registry, 'b5', {}),
    'ours': ('registry-proxy.yaml', argv_ours, 'b10', {}),
    # Asks nobody who he is: what the work costs without HTTP, login and rules.
    'relay': ('relay.arguments', argv_relay, 'none', {}),
}

SMALL_VARIANTS = [
    # peer, users' hash, options for the template, whether a main figure (full length)
    ('nginx-recipe', 'sha', {}, True),
    ('nginx-tuned', 'sha', {}, True),
    ('apache', 'sha', {}, True),
    ('haproxy', 'plain', {}, True),
    ('caddy', 'b5', {}, True),
    ('registry-htpasswd', 'b5', {}, True),
    ('ours', 'b10', {}, True),
    ('relay', 'none', {}, True),
    ('nginx-tuned', 'apr1', {}, False),
    ('nginx-tuned', 'b5', {}, False),
    ('nginx-tuned', 'b10', {}, False),
    ('apache', 'apr1', {}, False),
    ('apache', 'b5', {}, False),
    ('apache', 'b10', {}, False),
    ('apache', 'b10+socache', {}, False),
    ('haproxy', 'sha512', {}, False),
    ('haproxy', 'b5', {}, False),
    ('haproxy', 'b10', {}, False),
    ('caddy', 'b10', {}, False),
    ('registry-htpasswd', 'b10', {}, False),
]


class Peer:
    """One proxy under test: started here from a template, or (extra) given."""

    def __init__(self, name, upstream='fast', auth=None, options=None):
        template, argv, default_auth, opts = PEERS[name]
        self.name, self.auth, self.upstream = name, auth or default_auth, upstream
        self.user, self.password = USER, PASSWORD
        self.port = free_port()
        self.url = f'https://127.0.0.1:{self.port}'
        d = w('run', f'{name}-{upstream}-{self.auth}-{self.port}')
        shutil.rmtree(d, ignore_errors=True)
        os.makedirs(d)
        shutil.chown(d, A.user, A.user)
        kind, _, cache = self.auth.partition('+')
        v = {'user': A.user, 'work': d, 'port': self.port, 'cert': w('cert.pem'), 'key': w('key.pem'),
             'pem': w('both.pem'), 'htpasswd': w('users', kind), 'username': USER,
             'modules': A.apache_modules, 'storage': w('storage'),
             'upstream': f'127.0.0.1:{A.port_base + (1 if upstream == "real" else 2)}', 'authcache': ''}
        if cache:
            v['provider'] = 'socache file'
            v['authcache'] = 'AuthnCacheProvideFor file'
        if name.startswith('haproxy'):
            v['haproxy_password'] = ('insecure-password ' + PASSWORD if kind == 'plain' else
                                     'password ' + users_hash(kind))
        if name == 'caddy':
            v['caddy_hash'] = users_hash(kind)
        if name == 'ours':
            v['rules'] = other_rules()
            users = os.path.join(d, 'users.htpasswd')
            shutil.copy(v['htpasswd'], users)
            os.chmod(users, 0o600)
        if name == 'relay':
            v['upstream_port'] = v['upstream'].rsplit(':', 1)[1]
        v.update(opts)
        v.update(options or {})
        conf = os.path.join(d, 'conf')
        with open(conf, 'w') as f:
            f.write(fill(template, v))
        self.dir = d
        self.proc = Proc(argv(conf, d), d, {'XDG_DATA_HOME': d, 'XDG_CONFIG_HOME': d, 'HOME': d})
        self.pid = self.proc.pid
        wait_ready(self)

    def stop(self):
        self.proc.stop()
        shutil.rmtree(os.path.join(self.dir, 'proxy'), ignore_errors=True)


class Extra(Peer):
    def __init__(self, spec):
        f = dict(kv.split('=', 1) for kv in spec.split(','))
        self.name, self.url, self.pid = f.get('name', 'ours'), f['url'].rstrip('/'), int(f['pid'])
        self.user, self.password = f.get('user', USER), f.get('password', PASSWORD)
        self.upstream, self.auth = f.get('upstream', 'fast'), f.get('auth', '?')
        self.port = int(self.url.rsplit(':', 1)[1])
        wait_ready(self)

    def stop(self):
        pass


def other_rules():
    """The rest of two hundred rules: every fourth denies, every fifth is for the user of the bench."""
    def rule(n):
        who = USER if n % 5 == 0 else f'user-{n}'
        what = 'deny: [overwrite, delete], tags: ["v*"]' if n % 4 == 0 else 'allow: [push]'
        return f'    - {{ id: r{n}, who: ["user:{who}"], repos: ["team-{n}/**"], {what} }}'
    return '\n'.join(rule(n) for n in range(1, 200))


def users_hash(kind):
    with open(w('users', kind)) as f:
        return f.read().strip().split(':', 1)[1]


def ask(url, method, path, auth=None, body=None, headers=None):
    host, port = re.match(r'https?://([^:/]+):(\d+)', url).groups()
    if url.startswith('https'):
        ctx = ssl._create_unverified_context()
        c = http.client.HTTPSConnection(host, int(port), timeout=30, context=ctx)
    else:
        c = http.client.HTTPConnection(host, int(port), timeout=30)
    h = dict(headers or {'Accept': 'application/vnd.docker.distribution.manifest.v2+json, */*'})
    if auth:
        h['Authorization'] = 'Basic ' + base64.b64encode(auth.encode()).decode()
    c.request(method, path, body, h)
    tls = c.sock.version() + ' ' + c.sock.cipher()[0] if url.startswith('https') else ''
    r = c.getresponse()
    data = r.read()
    c.close()
    return r.status, dict(r.getheaders()), data, tls


def wait_ready(peer):
    end, last = time.time() + 15, None
    while time.time() < end:
        try:
            s, _, _, tls = ask(peer.url, 'HEAD', MANIFEST, f'{peer.user}:{peer.password}')
            if s == 200 and peer.auth == 'none':
                return
            if s == 200:
                s2 = ask(peer.url, 'HEAD', MANIFEST)[0]
                s3 = ask(peer.url, 'HEAD', MANIFEST, f'{peer.user}:wrong')[0]
                if (s2, s3) != (401, 401):
                    raise SystemExit(f'{peer.name}: no password {s2}, wrong password {s3}: not 401')
                if not tls.startswith('TLSv1.3'):
                    raise SystemExit(f'{peer.name}: {tls}')
                return
            last = s
        except (OSError, http.client.HTTPException) as e:
            last = e
        time.sleep(0.1)
    raise SystemExit(f'{peer.name} at {peer.url} is not ready: {last}')


# ---- set-up ----------------------------------------------------------------

def bload(*args, check=True):
    r = subprocess.run([w('bin', 'bload'), *map(str, args)], capture_output=True, text=True)
    if r.returncode and check:
        raise RuntimeError(f'bload {" ".join(map(str, args))}: {r.stderr.strip()} {r.stdout.strip()}')
    d = json.loads(r.stdout) if r.stdout.strip() else {}
    if r.stderr.strip():
        d['stderr'] = r.stderr.strip()[:300]
    return d


def setup():
    os.makedirs(w('bin'), exist_ok=True)
    os.chmod(A.work, 0o755)
    subprocess.run(['go', 'build', '-o', w('bin') + '/', './...'], cwd=os.path.join(HERE, 'tools'), check=True)
    subprocess.run(['cc', '-O2', '-o', w('bin', 'relay'), os.path.join(HERE, 'tools', 'relay', 'relay.c'),
                    '-lssl', '-lcrypto', '-lpthread'], check=True)
    if not os.path.exists(w('both.pem')):
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
                        '-nodes', '-days', '30', '-subj', '/CN=localhost',
                        '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
                        '-keyout', w('key.pem'), '-out', w('cert.pem')], check=True, capture_output=True)
        with open(w('both.pem'), 'w') as f:
            f.write(open(w('cert.pem')).read() + open(w('key.pem')).read())
    os.makedirs(w('users'), exist_ok=True)
    for kind, flags in {'apr1': ['-m'], 'sha': ['-s'], 'b5': ['-B', '-C', '5'], 'b10': ['-B', '-C', '10']}.items():
        p = w('users', kind)
        if not os.path.exists(p):
            r = subprocess.run(['htpasswd', '-nb', *flags, USER, PASSWORD], check=True, capture_output=True, text=True)
            open(p, 'w').write(r.stdout.strip() + '\n')
    if not os.path.exists(w('users', 'sha512')):
        r = subprocess.run(['openssl', 'passwd', '-6', PASSWORD], check=True, capture_output=True, text=True)
        open(w('users', 'sha512'), 'w').write(f'{USER}:{r.stdout.strip()}\n')
    os.makedirs(w('data', 'blobs'), exist_ok=True)
    if not os.path.exists(w('data', 'digests.json')):
        dg = {}
        for letter, n in SIZES.items():
            tmp = w('data', 'tmp.blob')
            dg[letter] = bload('blob', '-size', n, '-o', tmp)['digest']
            os.replace(tmp, w('data', 'blobs', dg[letter]))
        man = {'schemaVersion': 2, 'mediaType': 'application/vnd.docker.distribution.manifest.v2+json',
               'config': {'mediaType': 'application/vnd.docker.container.image.v1+json', 'size': 1024, 'digest': dg['c']},
               'layers': [{'mediaType': 'application/vnd.docker.image.rootfs.diff.tar.gzip', 'size': SIZES[x],
                           'digest': dg[x]} for x in 'GMSS']}
        text = json.dumps(man, indent=1)
        text += '\n' * max(0, 1024 - len(text))
        open(w('data', 'manifest.json'), 'w').write(text)
        json.dump(dg, open(w('data', 'digests.json'), 'w'))
    load_digests()
    if not any(s.endswith('-real') for s in A.sections.split(',')):
        return
    with Upstreams() as _:
        real = f'http://127.0.0.1:{A.port_base + 1}'
        if ask(real, 'HEAD', MANIFEST, headers={'Accept': 'application/vnd.docker.distribution.manifest.v2+json'})[0] != 200:
            for letter, n in SIZES.items():
                bload('push', '-base', real, '-name', REPO, '-size', n, '-digest', DIGEST[letter], '-mode', 'cl')
            s, h, b, _ = ask(real, 'PUT', MANIFEST, body=open(w('data', 'manifest.json'), 'rb').read(),
                             headers={'Content-Type': 'application/vnd.docker.distribution.manifest.v2+json'})
            if s != 201:
                raise SystemExit(f'manifest: {s} {b}')
            log('registry seeded', h.get('Docker-Content-Digest'))


def load_digests():
    DIGEST.update(json.load(open(w('data', 'digests.json'))))


class Upstreams:
    """Both upstreams; left alone where something already listens on their ports
    (their pids are then taken from the file that `upstreams` wrote)."""

    def __enter__(self):
        self.mine, self.pid = [], {}
        real, fast = A.port_base + 1, A.port_base + 2
        note = w('run', f'upstreams-{A.port_base}.json')
        os.makedirs(w('run'), exist_ok=True)
        os.chmod(w('run'), 0o755)
        known = json.load(open(note)) if os.path.exists(note) else {}
        mdigest = 'sha256:' + hash_of(w('data', 'manifest.json'))
        for kind, port in (('real', real), ('fast', fast)):
            with socket.socket() as s:
                if s.connect_ex(('127.0.0.1', port)) == 0:
                    self.pid[kind] = known.get(kind)
                    continue
            d = w('run', 'upstream-' + kind)
            shutil.rmtree(d, ignore_errors=True)
            os.makedirs(d)
            if kind == 'real':
                conf = os.path.join(d, 'conf.yml')
                open(conf, 'w').write(fill('registry.yml', {'storage': w('storage'), 'port': port}))
                p = Proc(argv_registry(conf, d), d)
            else:
                p = Proc([w('bin', 'fastup'), '-addr', f'127.0.0.1:{port}', '-dir', w('data'), '-mdigest', mdigest], d)
            self.mine.append(p)
            self.pid[kind] = p.pid
            for _ in range(100):
                with socket.socket() as s:
                    if s.connect_ex(('127.0.0.1', port)) == 0:
                        break
                time.sleep(0.1)
        json.dump(self.pid, open(note, 'w'))
        return self

    def __exit__(self, *a):
        for p in self.mine:
            p.stop()


def hash_of(p):
    import hashlib
    return hashlib.sha256(open(p, 'rb').read()).hexdigest()


# ---- measuring -------------------------------------------------------------

UP = None
OUT = None


def record(**r):
    OUT.write(json.dumps(r) + '\n')
    OUT.flush()


class Direct:
    """The upstream itself, for reference."""
    def __init__(self, kind):
        self.name, self.upstream, self.auth = f'direct-{kind}', kind, 'none'
        self.url = f'http://127.0.0.1:{A.port_base + (1 if kind == "real" else 2)}'
        self.pid, self.user, self.password = UP.pid[kind], '', ''

    def stop(self):
        pass


def one(peer, section, figure, rep, command, *args):
    """One locked measurement: the proxy's CPU around one run of the load."""
    creds = ['-user', peer.user, '-pass', peer.password] if peer.user else []
    with lock():
        time.sleep(0.3)
        up = UP.pid.get(peer.upstream)
        up = up if up != peer.pid and not peer.name.startswith('registry') else None
        c0, k0 = cpu(peer.pid)
        u0 = cpu(up)[0] if up else 0
        w0 = written(peer.pid)
        b0, st0 = busy()
        r = bload(command, '-base', peer.url, *creds, *args, check=False)
        time.sleep(0.05)
        c1, k1 = cpu(peer.pid)
        u1 = cpu(up)[0] if up else 0
        w1 = written(peer.pid)
        b1, st1 = busy()
    r.update(section=section, figure=figure, peer=peer.name, auth=peer.auth, rep=rep,
             cpu_s=c1 - c0, upstream_cpu_s=u1 - u0, written_mib=(w1 - w0) / (1 << 20), workers_changed=k0 != k1,
             steal_s=st1 - st0, others_cpu_s=b1 - b0 - (c1 - c0) - (u1 - u0) - r.get('client_cpu_s', 0))
    n = r.get('bytes') or 0
    if n:
        r['cpu_s_per_gib'] = r['cpu_s'] * GIB / n
        r['upstream_cpu_s_per_gib'] = r['upstream_cpu_s'] * GIB / n
        r['client_cpu_s_per_gib'] = r['client_cpu_s'] * GIB / n
    q = r.get('requests') or 0
    if q:
        r['cpu_us_per_request'] = r['cpu_s'] * 1e6 / q
    record(**r)
    brief = {k: round(r[k], 3) for k in ('cpu_s_per_gib', 'mb_s', 'per_s', 'p50_us', 'p99_us', 'cpu_us_per_request', 'written_mib', 'others_cpu_s', 'steal_s') if k in r}
    log(section, figure, peer.name, peer.auth, rep, brief, ('FAILED ' + str(r.get('stderr'))) if r.get('failed') or 'stderr' in r else '')
    return r


def wanted(names, upstream, self_too):
    out = []
    for n in names:
        if n == 'registry-htpasswd' and not self_too:
            continue
        out.append(n)
    return out


def turned(peers, rep):
    """The peers in the order of a round: each round begins with another one, so that none always comes after
    the same and at the same place."""
    first = rep % len(peers)
    return peers[first:] + peers[:first]


def blob(letter):
    return f'/v2/{REPO}/blobs/{DIGEST[letter]}'


def with_peers(upstream, self_too, body, extras=True):
    peers = []
    try:
        for n in wanted(A.peers, upstream, self_too):
            peers.append(Peer(n, upstream))
        if extras:
            peers += [e for e in EXTRAS if e.upstream == upstream]
        body(peers)
    finally:
        for p in peers:
            p.stop()


def section_pull(upstream):
    def body(peers):
        peers = peers + [Direct(upstream)]
        for rep in range(A.reps):
            for p in turned(peers, rep):
                one(p, f'pull-{upstream}', '1conn', rep, 'pull', '-path', blob('G'), '-conns', 1)
            for p in turned(peers, rep):
                one(p, f'pull-{upstream}', '8conn', rep, 'pull', '-path', blob('M'), '-conns', 8)
    with_peers(upstream, upstream == 'real', body)


def section_push(upstream):
    def body(peers):
        peers = peers + [Direct(upstream)]
        for rep in range(A.reps):
            for mode in ('cl', 'chunked'):
                for p in turned(peers, rep):
                    one(p, f'push-{upstream}', f'1conn-{mode}', rep, 'push', '-name', REPO, '-size', SIZES['G'],
                        '-digest', DIGEST['G'], '-mode', mode)
            if upstream == 'fast':
                for p in turned(peers, rep):
                    one(p, f'push-{upstream}', '8conn-chunked', rep, 'push', '-name', REPO, '-size', SIZES['M'],
                        '-digest', DIGEST['M'], '-mode', 'chunked', '-conns', 8)
    with_peers(upstream, upstream == 'real', body)


def section_small():
    peers = []
    try:
        for n, auth, opts, main in SMALL_VARIANTS:
            if n in A.peers and (main or not A.main_only):
                peers.append((Peer(n, 'real' if n.startswith('registry') else 'fast', auth, opts), main))
        peers += [(e, True) for e in EXTRAS if e.upstream == 'fast']
        peers += [(Direct('fast'), True), (Direct('real'), False)]
        for rep in range(A.reps):
            for p, main in turned(peers, rep):
                one(p, 'small', '32conn', rep, 'small', '-path', MANIFEST, '-conns', 32, '-dur', f'{A.seconds if main else max(3, A.seconds // 2)}s')
    finally:
        for p, _ in peers:
            p.stop()


def section_conn():
    def body(peers):
        for rep in range(A.reps):
            for p in turned(peers, rep):
                one(p, 'conn', '8workers', rep, 'conn', '-path', MANIFEST, '-conns', 8, '-dur', '4s')
    with_peers('fast', True, body)


def section_lat():
    def body(peers):
        peers = peers + [Direct('fast'), Direct('real')]
        for rep in range(A.reps):
            for p in turned(peers, rep):
                one(p, 'lat', '1conn', rep, 'lat', '-path', MANIFEST, '-n', 10000)
    with_peers('fast', True, body)


def sockstat():
    with open('/proc/net/sockstat') as f:
        return int(re.search(r'^TCP:.* mem (\d+)', f.read(), re.M).group(1)) * 4 / 1024


def held(peer, figure, rep, hold, command, *args):
    creds = ['-user', peer.user, '-pass', peer.password]
    with lock():
        w0, t0 = written(peer.pid), sockstat()
        p = subprocess.Popen([w('bin', 'bload'), command, '-base', peer.url, *creds, *map(str, args)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        p.stdout.readline()
        time.sleep(hold)
        m = memory(peer.pid)
        m['written_mib'] = (written(peer.pid) - w0) / (1 << 20)
        m['tcp_mib'] = sockstat() - t0
        out, err = p.communicate()
    m.update(json.loads(out) if out.strip() else {'failed': -1})
    if err.strip():
        m['stderr'] = err.strip()[:300]
    record(section='mem', figure=figure, peer=peer.name, auth=peer.auth, rep=rep, **m)
    log('mem', figure, peer.name, rep, {k: round(v, 1) if isinstance(v, float) else v for k, v in m.items()})


def section_mem():
    # The relay has a thread and half a MiB for each connection: its memory says nothing.
    todo = [(n, None) for n in wanted(A.peers, 'fast', True) if n != 'relay'] + [(e.name, e) for e in EXTRAS if e.upstream == 'fast']
    for rep in range(A.reps):
        for n, extra in turned(todo, rep):
            p = extra or Peer(n, 'fast')
            try:
                with lock():
                    bload('small', '-base', p.url, '-user', p.user, '-pass', p.password, '-path', MANIFEST, '-conns', 1, '-dur', '200ms')
                    time.sleep(0.5)
                    m = memory(p.pid)
                record(section='mem', figure='idle', peer=p.name, auth=p.auth, rep=rep, **m)
                log('mem idle', p.name, rep, m)
                held(p, 'idle1000', rep, 1.0, 'idle', '-path', MANIFEST, '-conns', 1000)
                if not extra:
                    p.stop()
                    p = Peer(n, 'fast')
                held(p, 'slow200', rep, A.hold, 'slow', '-path', blob('S'), '-conns', 200, '-rate', 65536)
            finally:
                p.stop()


# ---- report ----------------------------------------------------------------

FIGURES = {
    'pull': [('cpu_s_per_gib', 'proxy CPU-s/GiB', 3), ('mb_s', 'MB/s', 0), ('upstream_cpu_s_per_gib', 'upstream CPU-s/GiB', 3), ('written_mib', 'MiB written to disk', 0)],
    'push': [('cpu_s_per_gib', 'proxy CPU-s/GiB', 3), ('mb_s', 'MB/s', 0), ('upstream_cpu_s_per_gib', 'upstream CPU-s/GiB', 3), ('written_mib', 'MiB written to disk', 0)],
    'small': [('per_s', 'requests/s', 0), ('p50_us', 'p50 µs', 0), ('p99_us', 'p99 µs', 0), ('cpu_us_per_request', 'proxy CPU-µs/request', 1)],
    'conn': [('per_s', 'connections/s', 0), ('p50_us', 'p50 µs', 0), ('p99_us', 'p99 µs', 0), ('cpu_us_per_request', 'proxy CPU-µs/connection', 0)],
    'lat': [('p50_us', 'p50 µs', 0), ('p99_us', 'p99 µs', 0), ('mean_us', 'mean µs', 0), ('cpu_us_per_request', 'proxy CPU-µs/request', 1)],
    'mem': [('pss_mib', 'PSS MiB', 1), ('rss_mib', 'RSS MiB', 1), ('written_mib', 'MiB written to disk', 0), ('tcp_mib', 'kernel TCP MiB', 0)],
}


def report(files):
    groups = {}
    for f in files:
        for line in open(f):
            r = json.loads(line)
            groups.setdefault((r['section'], r['figure']), {}).setdefault((r['peer'], r['auth']), []).append(r)
    for (section, figure), peers in groups.items():
        cols = FIGURES[section.split('-')[0]]
        print(f'\n### {section} {figure}\n')
        print('| peer (users) | n | ' + ' | '.join(c[1] for c in cols) + ' | failed |')
        print('|---|---|' + '---|' * (len(cols) + 1))
        for (peer, auth), rs in peers.items():
            ok = [r for r in rs if not r.get('failed') and r.get('bytes', 1)]
            cells = []
            for k, _, d in cols:
                v = [r[k] for r in ok if k in r]
                cells.append(f'{statistics.median(v):.{d}f} ({min(v):.{d}f}–{max(v):.{d}f})' if v else '-')
            bad = sum(1 for r in rs if r.get('failed'))
            print(f'| {peer} ({auth}) | {len(ok)} | ' + ' | '.join(cells) + f' | {bad or ""} |')


# figure -> (key, what it is called, whether more is better)
RATIOS = {
    'pull': [('cpu_s_per_gib', 'CPU per GiB', False), ('mb_s', 'MB/s', True)],
    'push': [('cpu_s_per_gib', 'CPU per GiB', False), ('mb_s', 'MB/s', True)],
    'small': [('cpu_us_per_request', 'CPU per request', False), ('per_s', 'requests/s', True), ('p99_us', 'p99', False)],
    'conn': [('cpu_us_per_request', 'CPU per connection', False), ('per_s', 'connections/s', True)],
    'lat': [('p50_us', 'p50', False), ('p99_us', 'p99', False)],
}


def ratios(files, pair):
    """One proxy beside another, round by round: the median of the rounds' ratios."""
    one, other = pair.split('/')
    rounds = {}
    for f in files:
        for line in open(f):
            r = json.loads(line)
            if not r.get('failed'):
                rounds.setdefault((r['section'], r['figure']), {}).setdefault(r['rep'], {})[r['peer']] = r
    print(f'\n| {one} / {other} | figure | {one} | {other} | ratio (rounds) | |\n|---|---|---|---|---|---|')
    for (section, figure), by_round in rounds.items():
        for key, name, more in RATIOS.get(section.split('-')[0], []):
            pairs = [(b[one][key], b[other][key]) for b in by_round.values()
                     if one in b and other in b and key in b[one] and b[other].get(key)]
            if not pairs:
                continue
            each = [a / b for a, b in pairs]
            mid = statistics.median(each)
            a, b = (statistics.median(x) for x in zip(*pairs))
            better = 'better' if (mid > 1) == more else 'worse'
            print(f'| {section} {figure} | {name} | {a:.3g} | {b:.3g} | {mid:.2f} '
                  f'({", ".join(f"{x:.2f}" for x in each)}) | {better} |')


SECTIONS = {
    'pull-fast': lambda: section_pull('fast'),
    'pull-real': lambda: section_pull('real'),
    'push-fast': lambda: section_push('fast'),
    'push-real': lambda: section_push('real'),
    'small': section_small, 'conn': section_conn, 'lat': section_lat, 'mem': section_mem,
}
EXTRAS = []


def main():
    global A, UP, OUT
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('command', choices=['setup', 'upstreams', 'run', 'report', 'ratios'])
    ap.add_argument('files', nargs='*')
    ap.add_argument('--work', default='/tmp/peers', help='folder for everything made here')
    ap.add_argument('--port-base', type=int, default=21000, help='registry on +1, fast upstream on +2, peers from +100')
    ap.add_argument('--lock', default='', help='file to flock around each measurement')
    ap.add_argument('--lock-s', type=float, default=90, help='let the lock go after so many seconds')
    ap.add_argument('--proxy', default='registry-proxy', help='the program that `ours` is')
    ap.add_argument('--user', default='www-data', help='user for the workers of nginx and Apache')
    ap.add_argument('--apache-modules', default='/usr/lib/apache2/modules')
    ap.add_argument('--sections', default=','.join(SECTIONS))
    ap.add_argument('--peers', default=','.join(PEERS))
    ap.add_argument('--reps', type=int, default=3)
    ap.add_argument('--seconds', type=int, default=10, help='length of a small-request run')
    ap.add_argument('--hold', type=float, default=8, help='seconds of slow downloads before memory is read')
    ap.add_argument('--extra', action='append', default=[], metavar='name=,url=,pid=,user=,password=,upstream=fast|real,auth=')
    ap.add_argument('--main-only', action='store_true', help="leave out the users' hashes that are no main figure")
    ap.add_argument('--ratio', default='ours/nginx-tuned', help='which proxy beside which')
    ap.add_argument('--quiet', action='store_true', help='no tables at the end')
    ap.add_argument('--out', help='results file (JSON lines)')
    A = ap.parse_args()
    if A.command == 'report':
        report(A.files)
        return
    if A.command == 'ratios':
        ratios(A.files, A.ratio)
        return
    signal.signal(signal.SIGTERM, lambda *a: sys.exit(143))
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (16384, max(16384, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    os.makedirs(A.work, exist_ok=True)
    try:
        if A.command == 'setup':
            setup()
            return
        load_digests()
        A.peers = [p for p in A.peers.split(',') if p]
        for p in A.peers:
            if p not in PEERS:
                raise SystemExit(f'no such peer: {p} (there are {", ".join(PEERS)})')
        with Upstreams() as UP:
            if A.command == 'upstreams':
                print(json.dumps({'registry': f'http://127.0.0.1:{A.port_base + 1}', 'fast': f'http://127.0.0.1:{A.port_base + 2}',
                                  'pids': UP.pid, 'cert': w('cert.pem'), 'key': w('key.pem'), 'users': w('users'),
                                  'user': USER, 'password': PASSWORD}), flush=True)
                signal.pause()
            EXTRAS.extend(Extra(s) for s in A.extra)
            os.makedirs(w('results'), exist_ok=True)
            name = A.out or w('results', time.strftime('%Y%m%d-%H%M%S.jsonl'))
            with open(name, 'a') as OUT:
                for s in A.sections.split(','):
                    SECTIONS[s]()
                    unlock()
            if not A.quiet:
                report([name])
            log('results in', name)
    except KeyboardInterrupt:
        pass
    finally:
        unlock()
        for p in list(STARTED):
            p.stop()


if __name__ == '__main__':
    main()
