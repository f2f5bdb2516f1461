#!/usr/bin/env python3
"""reloadstorm.py PID CONFIGURATION PORT [SIGNALS] [SECONDS]: signals the proxy to reload, with other
rules each time, while 100 clients pull and 20 push through it. Prints what became of it as one JSON
object. The environment has REG_USER, REG_PASS and REPOSITORY, which the rules must allow all."""
import json
import os
import signal
import sys
import time

import crowd as clients


def figures():
    """How many descriptors the proxy has open, and its memory in KiB."""
    status = open(f"/proc/{PID}/status").read()
    return (len(os.listdir(f"/proc/{PID}/fd")),
            int(status.split("VmRSS:")[1].split()[0]))


def settled():
    """The figures once they no longer fall, as connections are closed and memory given back."""
    least, since = figures(), time.monotonic()
    while time.monotonic() - since < 5:
        time.sleep(0.2)
        now = figures()
        if now[0] < least[0] or now[1] < least[1]:
            least, since = (min(now[0], least[0]), min(now[1], least[1])), time.monotonic()
    return figures()


def rewrite(text, number):
    """The configuration with rules of its own for each number: more and fewer, allowing and
    denying, before and behind the rule that the clients live by."""
    rules = "".join(
        f'    - {{ id: r{number}-{index}, who: ["user:u{number}"], repos: ["r{number}/{index}/**"], '
        f'{"allow: [push]" if index % 2 else "deny: [overwrite]"} }}\n'
        for index in range(1 + number % 40))
    if number % 2:
        changed = text.replace("  rules:\n", "  rules:\n" + rules)
    else:
        changed = text.replace("  # end of rules\n", rules)
    assert changed != text
    with open(CONFIGURATION + ".new", "w") as file:
        file.write(changed)
    os.rename(CONFIGURATION + ".new", CONFIGURATION)


def main():
    text = open(CONFIGURATION).read()
    fresh = figures()
    clients.prepare(PORT)
    # What 120 clients need, and reloading, without a storm.
    crowd = clients.Crowd(PORT, "before")
    for number in range(WARM_UP):
        rewrite(text, number)
        os.kill(PID, signal.SIGHUP)
        time.sleep(0.1)
    crowd.stop()
    failures = crowd.failures
    before = settled()
    crowd = clients.Crowd(PORT, "storm")
    start = time.monotonic()
    for number in range(SIGNALS):
        rewrite(text, number + 1000)
        os.kill(PID, signal.SIGHUP)
        time.sleep(max(0, start + (number + 1) * SECONDS / SIGNALS - time.monotonic()))
    took = time.monotonic() - start
    crowd.stop()
    after = settled()
    print(json.dumps({
        "signals": SIGNALS, "seconds": round(took, 2), "pulls": crowd.done["pulls"],
        "pushes": crowd.done["pushes"], "failures": (failures + crowd.failures)[:10],
        "descriptors": {"fresh": fresh[0], "before": before[0], "after": after[0]},
        "memory_kib": {"fresh": fresh[1], "before": before[1], "after": after[1]}}))


PID, CONFIGURATION, PORT = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
SIGNALS = int(sys.argv[4]) if len(sys.argv) > 4 else 1000
SECONDS = float(sys.argv[5]) if len(sys.argv) > 5 else 10
WARM_UP = 40
main()
