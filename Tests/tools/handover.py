#!/usr/bin/env python3
"""handover.py PORT EVENTS [TIMES] [PULLS] [PUSHES]: has the proxy hand over to the binary on disk again and again, while
clients pull and push through it. EVENTS is the file of its own events. Prints what became of it as one JSON object. For
the environment see crowd.py."""
import json
import os
import signal
import sys
import time

import crowd as clients


def events(name):
    with open(EVENTS) as lines:
        parsed = [json.loads(line) for line in lines if line.startswith("{")]
    return [event for event in parsed if event["event"] == name]


def wait_for(name, count):
    end = time.monotonic() + 90
    while len(found := events(name)) < count:
        if time.monotonic() > end or events("handover.failed") or events("handover.refused"):
            raise SystemExit(f"no event {name}: {open(EVENTS).read()[-2000:]}")
        time.sleep(0.02)
    return found[-1]


def main():
    clients.prepare(PORT)
    crowd = clients.Crowd(PORT, "handover", PULLS, PUSHES)
    pid = wait_for("ready", 1)["pid"]
    took = []
    for number in range(TIMES):
        time.sleep(1)
        begun = time.monotonic()
        os.kill(pid, signal.SIGUSR2)
        pid = wait_for("ready", number + 2)["pid"]
        took.append(round(time.monotonic() - begun, 2))
        # The one before ends what it has begun; another hand-over is refused until then.
        wait_for("handover.ended", number + 1)
    time.sleep(1)
    crowd.stop()
    print(json.dumps({"handovers": TIMES, "seconds_to_ready": took, "pulls": crowd.done["pulls"],
                      "pushes": crowd.done["pushes"], "failures": crowd.failures[:10], "pid": pid}))


PORT, EVENTS = int(sys.argv[1]), sys.argv[2]
TIMES, PULLS, PUSHES = (int(sys.argv[n]) if len(sys.argv) > n else default
                        for n, default in ((3, 5), (4, 200), (5, 50)))
main()
