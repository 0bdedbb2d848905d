#!/usr/bin/env python3
"""Runs the cases, each in a process of its own, and prints what they cost against the budgets.

Called by scripts/bench: report.py PROGRAM [--write | --peers] [--rounds N] [FILTER]
"""

import argparse
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

DOCUMENT = Path("docs/performance.md")
BEGIN, END = "<!-- scripts/bench --write: begin -->", "<!-- scripts/bench --write: end -->"
BASE = "request.base"

# operation: (what it is, whether the request without telemetry is subtracted, the usual stack,
#             the budget in ns, allocations and instructions; None is no budget)
ROWS = {
    "request": ("S2 request, sampled and measured (some peers: traces alone)", True, "axum-tracing-opentelemetry", (900, 6, 8300)),
    "request-logged": ("S3 request, a child span and five lines", True, "usual", (2800, 11, 25000)),
    "request-unsampled": ("S4 request, parent not sampled, measured too", True, "axum-tracing-opentelemetry", (500, 4, 4600)),
    "inject": ("S5 inject `traceparent`", False, "opentelemetry_sdk", (90, 1, 1200)),
    "extract": ("S5 extract `traceparent`", False, "opentelemetry_sdk", (None, 0, None)),
    "line": ("S6 JSON line through the non-blocking sink", False, "fmt-json", (250, 0, 2700)),
    "metric": ("S7 counter and histogram, three attributes", False, "opentelemetry_sdk", (95, 0, 1500)),
    "metric-exemplar": ("S7 the same within a sampled trace", False, None, (None, 0, None)),
    "metric-two": ("S7 the same beside a second thread", False, "opentelemetry_sdk", (124, 0, 1950)),  # 1.3 times one thread
    "bound-counter": ("S7 bound counter", False, None, (5, 0, None)),
    "bound-histogram": ("S7 bound histogram", False, None, (10, 0, None)),
    "page": ("S10 one series of a page of 10,000", False, None, (None, None, None)),
    "span": ("S8 span, sampled", False, "tracing-opentelemetry", (280, 2, 3000)),
    "span-armed": ("S8 span, contexts armed, entered once", False, "tracing-opentelemetry", (340, 3, 3600)),
    "span-unsampled": ("S8 span, not sampled", False, "tracing-opentelemetry", (150, 1, 1900)),
    "poll": ("one poll", False, "tracing-opentelemetry", (25, 0, 350)),
    "polls-10": ("ten polls", False, "tracing-opentelemetry", (250, 0, 3500)),
    "encode": ("S9 encoding a span of ten attributes", False, "opentelemetry-proto", (150, 0, None)),
    "disabled": ("`debug!` turned off", False, None, (1.5, 0, None)),
    "disabled-target": ("`debug!` turned off, on for another target", False, None, (1.5, 0, None)),
    "disabled-route": ("`debug!` turned off, on for another route", False, None, (6, 0, None)),
    "armed": ("JSON line of a `debug!` that is on for its route", False, None, (None, 0, None)),
    "recorded": ("`debug!` of four fields, kept by the flight recorder", False, None, (100, 0, 1000)),
    "recorded-outside": ("the same outside of a request", False, None, (6, 0, None)),
    "recorded-other": ("the same of a crate that is not recorded", False, None, (1.5, 0, None)),
}
# operation: what keeps so many bytes
MEMORY = {
    "memory-instrument": "bytes of a counter with nothing recorded",
    "memory-counter": "bytes of a counter's series",
    "memory-histogram": "bytes of a histogram's series of 15 buckets",
    "memory-histogram-four": "the same, recorded by four threads",
}
# what a peer does not do for a request, of what ours does
LEAVES_OUT = {
    "axum-tracing-opentelemetry": "metrics; the body's end",
    "axum-tracing-opentelemetry+axum-otel-metrics": "exemplars; the body's end",
    "opentelemetry-instrumentation-tower": "server and client address, protocol version; exemplars; the body's end",
    "tower-http+tracing-opentelemetry": "metrics; the attributes and the parent are the user's own code",
    "fastrace-axum": "metrics; all attributes but method, path, route and status; `tracing`; the body's end",
}
EXPORT_BUDGET = {"uncompressed": 5, "gzip": 15}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("program", help=argparse.SUPPRESS)
    parser.add_argument("filter", nargs="?", default="")
    parser.add_argument("--write", action="store_true", help=f"put the table into {DOCUMENT}")
    parser.add_argument("--peers", action="store_true", help="print a column for each library, without budgets")
    parser.add_argument("--rounds", type=int, default=5, help="how often each case is timed")
    options = parser.parse_intermixed_args()
    names = run(options.program, "list").split()
    names = [name for name in names if name == BASE or options.filter in operation(name)]
    wanted = [name for name in names if operation(name) not in MEMORY]
    costs = timed(options.program, wanted, options.rounds)
    if shutil.which("valgrind"):
        for name in wanted:
            costs[name] = (*costs[name][:2], instructions(options.program, name))
    kept = {name: float(run(options.program, "memory", name)) for name in names if operation(name) in MEMORY}
    if options.peers:
        return print(beside_peers(costs, kept))
    exported = {} if options.filter else export_shares(options.program)
    text = report(costs, kept, exported)
    print(text)
    if options.write:
        if options.filter:
            sys.exit("bench: --write wants all cases; leave the filter out")
        write(text)


def operation(name):
    return name.split(".")[0]


def run(program, *arguments):
    return subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout


def timed(program, names, rounds):
    """The median over rounds, so that a slow moment of the machine falls on all cases alike."""
    samples = {name: [] for name in names}
    for number in range(rounds):
        progress(f"timing, round {number + 1} of {rounds}")
        for name in names:
            samples[name].append([float(word) for word in run(program, "time", name).split()])
    medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in samples.items()}
    return {name: (nanos, allocations, None) for name, (nanos, allocations, _) in medians.items()}


def instructions(program, name):
    """The difference of two counts: what starting and ending takes falls out."""
    progress(f"counting instructions, {name}")
    few, many = 3, 7
    counts = []
    with tempfile.TemporaryDirectory() as folder:
        for batches in few, many:
            out = Path(folder) / f"{batches}"
            command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
                       "--toggle-collect=*harness::measured*", program, "count", name, str(batches)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            counts.append(int(re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.M)[1]))
    return (counts[1] - counts[0]) / (many - few) / int(done.stdout)


def export_shares(program):
    shares = {}
    for compression, arguments in (("uncompressed", []), ("gzip", ["gzip"])):
        progress(f"exporting, {compression}")
        percent, nanos = run(program, "export", *arguments).split()
        shares[compression] = (float(percent), int(nanos))
    return shares


def report(costs, kept, exported):
    head = "| | ours | best peer | usual stack | floor | budget | |"
    lines = [f"{caption()} {CELLS}", "", head, "|---|---|---|---|---|---|---|"]
    lines += [row(name, costs) for name in ROWS if f"{name}.ours" in costs]
    lines += [memory_row(name, kept) for name in MEMORY if f"{name}.ours" in kept]
    for compression, (percent, nanos) in exported.items():
        budget = EXPORT_BUDGET[compression]
        lines.append(f"| 100,000 spans a second exported, {compression} | {percent:.1f} % of a core, {nanos} ns a span "
                     f"| | | | {budget} % | {'met' if percent <= budget else '**over**'} |")
    return "\n".join(lines)


def caption():
    return f"{date.today()}, {machine()}."


CELLS = "Each cell: thread-CPU ns / allocations / instructions."


def beside_peers(costs, kept):
    """What each library costs, and what it leaves out; requests are net, as in the other table."""
    net = {name: minus(cost, costs[BASE]) if ROWS[operation(name)][1] else cost for name, cost in costs.items()}
    cells = {name: cell(cost) for name, cost in net.items() if name != BASE}
    cells |= {name: number(size, 0) for name, size in kept.items()}
    titles = {name: row[0] for name, row in ROWS.items()} | MEMORY
    libraries = list(dict.fromkeys(name.split(".", 1)[1] for name in cells))
    lines = [f"{caption()} {CELLS}", "", "| | " + " | ".join(libraries) + " |", "|---" * (len(libraries) + 1) + "|"]
    for name in dict.fromkeys(map(operation, cells)):
        lines.append(f"| {titles[name]} | " + " | ".join(cells.get(f"{name}.{of}", "") for of in libraries) + " |")
    if "request.ours" in cells:
        lines.append("| leaves out | " + " | ".join(LEAVES_OUT.get(of, "") for of in libraries) + " |")
    return "\n".join(lines)


def memory_row(name, kept):
    found = {case.split(".", 1)[1]: size for case, size in kept.items() if operation(case) == name}
    ours, usual = found.pop("ours"), "opentelemetry_sdk"
    best = min(found, key=found.get)
    cells = [MEMORY[name], number(ours, 0), f"{number(found[best], 0)} {best}",
             "the same" if usual == best else f"{number(found[usual], 0)} {usual}", "", "", ""]
    return "| " + " | ".join(cells) + " |"


def row(name, costs):
    title, net, usual, budget = ROWS[name]
    base = costs[BASE] if net else (0, 0, 0)
    found = {case.split(".", 1)[1]: minus(cost, base) for case, cost in costs.items() if operation(case) == name}
    if name == "span-armed":  # the peer's contexts always are
        found |= {case.split(".", 1)[1]: cost for case, cost in costs.items()
                  if operation(case) == "span" and not case.endswith((".ours", ".floor"))}
    ours, floor = found.pop("ours"), found.pop("floor", None)
    found.pop("base", None)
    peers = sorted((cost[2] or cost[0], peer) for peer, cost in found.items())
    best = f"{cell(found[peers[0][1]])} {peers[0][1]}" if peers else ""
    stack = f"{cell(found[usual])} {usual}" if usual in found else ""
    cells = [title, cell(ours), best, stack if peers and usual != peers[0][1] else "the same" if stack else "",
             cell(floor), cell(budget), verdict(ours, budget)]
    return "| " + " | ".join(cells) + " |"


def minus(cost, base):
    return tuple(None if of is None else of - less for of, less in zip(cost, base))


def cell(cost):
    if cost is None:
        return ""
    nanos, allocations, count = cost
    return " / ".join([number(nanos, 1), number(allocations, 2), number(count, 1)])


def number(value, places):
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{value / 1000:.1f} k"
    rounded = f"{value:.{places if abs(value) < 10 else 0}f}"
    return rounded.rstrip("0").rstrip(".") if "." in rounded else rounded


def verdict(ours, budget):
    """What is over, and by how much; allocations are counted whole."""
    over = []
    for what, spent, allowed in zip(("ns", "allocations", "instructions"), ours, budget):
        spent = round(spent) if what == "allocations" and spent is not None else spent
        if None not in (spent, allowed) and spent > allowed:
            over.append(f"{what} +{spent - allowed:.0f}" if allowed == 0 else f"{what} +{spent / allowed - 1:.0%}")
    return "**over**: " + ", ".join(over) if over else "met"


def machine():
    cpu = next((line.split(":")[1].strip() for line in read("/proc/cpuinfo").splitlines()
                if line.startswith("model name")), platform.machine())
    rustc = run("rustc", "--version").split()[1]
    return f"{cpu}, {platform.system()}, rustc {rustc}, opt-level 3, thin LTO"


def read(path):
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def write(text):
    document = DOCUMENT.read_text()
    before, rest = document.split(BEGIN)
    _, after = rest.split(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def progress(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
