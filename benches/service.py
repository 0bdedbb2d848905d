#!/usr/bin/env python3
"""Drives a service with wrk, with each library in a process of its own, and prints what that costs.

Called by scripts/bench-service: service.py PROGRAM [--rounds N] [--seconds N] [LIBRARY...]
"""

import argparse
import os
import re
import statistics
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from report import caption, number, progress

LIBRARIES = ["bare", "ours", "opentelemetry-instrumentation-tower", "axum-tracing-opentelemetry"]
CONNECTIONS = 16
HEADERS = {
    "user-agent": "wrk",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
}
# what ours may take: CPU as a multiple of the bare service's, memory in MiB more than that
CPU_BUDGET, MEMORY_BUDGET = 11 / 9.2, 4


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench-service")
    parser.add_argument("program", help=argparse.SUPPRESS)
    parser.add_argument("libraries", nargs="*", help=f"some of {', '.join(LIBRARIES[1:])}; all if none is named")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    parser.add_argument("--seconds", type=int, default=5, help="how long it is measured")
    options = parser.parse_intermixed_args()
    unknown = set(options.libraries) - set(LIBRARIES)
    if unknown:
        parser.error(f"no library {', '.join(unknown)}; known: {', '.join(LIBRARIES[1:])}")
    libraries = [name for name in LIBRARIES if name == "bare" or not options.libraries or name in options.libraries]
    samples = {name: [] for name in libraries}
    for turn in range(options.rounds):
        for name in libraries:
            progress(f"round {turn + 1} of {options.rounds}, {name}")
            samples[name].append(measured(options.program, name, options.seconds))
    print(report({name: [statistics.median(column) for column in zip(*rows)] for name, rows in samples.items()}))


def measured(program, library, seconds):
    """CPU µs of a request, resident and anonymous MiB at the end, requests a second, percent of spans that arrived."""
    with started(program, "collect") as (collector, spans), \
         started(program, "serve", library, exports_to=f"http://{spans}") as (server, address):
        url = f"http://{address}/users/42"
        warm_up = load(url, 1)
        before = cpu_seconds(server.pid)
        requests = load(url, seconds)
        cpu = cpu_seconds(server.pid) - before
        resident, anonymous = memory(server.pid)
        ended(server)
        arrived = int(urlopen(f"http://{spans}/").read())
    return cpu / requests * 1e6, resident, anonymous, requests / seconds, arrived / (warm_up + requests) * 100


@contextmanager
def started(program, *arguments, exports_to=None):
    """A process that says its address, telemetry's JSON lines apart, and ends with its stdin."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    if exports_to:
        environment |= {
            "OTEL_EXPORTER_OTLP_ENDPOINT": exports_to,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "OTEL_SERVICE_NAME": "bench",
        }
    process = subprocess.Popen([program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True, env=environment)
    try:
        yield process, next(line.strip() for line in process.stdout if not line.startswith("{"))
        ended(process)
    finally:
        process.kill()
        process.wait()


def ended(process):
    process.stdin.close()
    if process.wait(timeout=60):
        raise subprocess.CalledProcessError(process.returncode, process.args)


def load(url, seconds):
    """How many requests were answered."""
    headers = [word for name, value in HEADERS.items() for word in ("-H", f"{name}: {value}")]
    command = ["wrk", "--threads=1", f"--connections={CONNECTIONS}", f"--duration={seconds}s", *headers, url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"bench-service: the service failed\n{said}")
    time.sleep(0.2)  # the last answers are on their way, the last spans at the queue
    return int(re.search(r"(\d+) requests in", said)[1])


def cpu_seconds(pid):
    """User and system time of all threads: fields 14 and 15 of proc_pid_stat(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid):
    """All that is resident, pages of the program's file included, and what the program has written: proc_pid_status(5)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return [int(re.search(rf"{key}:\s+(\d+)", status)[1]) / 1024 for key in ("VmRSS", "RssAnon")]


def report(costs):
    lines = [f"{caption()} {CONNECTIONS} connections of wrk. In brackets: compared with bare.", "",
             "| | CPU µs a request | resident MiB | of that anonymous | requests a second | spans arrived | |",
             "|---|---|---|---|---|---|---|"]
    bare = costs["bare"]
    for name, (cpu, resident, anonymous, rate, arrived) in costs.items():
        cells = [name, f"{cpu:.1f}", f"{resident:.1f}", f"{anonymous:.1f}", number(rate, 0), "", ""]
        if name != "bare":
            cells[1] += f" (× {cpu / bare[0]:.2f})"
            cells[2] += f" (+ {resident - bare[1]:.1f})"
            cells[3] += f" (+ {anonymous - bare[2]:.1f})"
            cells[5] = f"{arrived:.0f} %"
        if name == "ours":
            cells[6] = verdict(cpu / bare[0], resident - bare[1])
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def verdict(cpu, memory):
    over = [f"{what} +{spent / allowed - 1:.0%}" for what, spent, allowed
            in (("CPU", cpu, CPU_BUDGET), ("memory", memory, MEMORY_BUDGET)) if spent > allowed]
    return "**over**: " + ", ".join(over) if over else "met"


if __name__ == "__main__":
    main()
