"""One request in, one answer out: the same for every transport."""

import json
import threading
from dataclasses import dataclass, field

from google.protobuf import duration_pb2
from google.rpc import error_details_pb2, status_pb2

import checks
import decode

INVALID_ARGUMENT = 3
HUGE = 5 << 20


@dataclass
class Call:
    """A request as it came over the wire; `payload` is decompressed."""

    transport: str
    signal: str
    headers: dict
    encoding: str
    size: int
    payload: bytes
    error: str = ""


@dataclass
class Answer:
    """What to send back. `act` is reply, hang or reset."""

    act: str = "reply"
    http: int = 200
    grpc: int = 0
    message: object = None
    raw: bytes | None = None
    retry_after_s: float | None = None
    changed: threading.Event = field(default_factory=threading.Event)


class Journal:
    """Appends one JSON line per request and keeps the counters."""

    def __init__(self, path):
        self.lock = threading.Lock()
        self.file = open(path, "a", encoding="utf-8")
        self.counters = {"requests": 0, "invalid": 0, "bytes": 0}

    def write(self, entry, items):
        line = json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
        with self.lock:
            self.file.write(line + "\n")
            self.file.flush()
            self.add("requests", 1)
            self.add("bytes", entry["bytes"])
            self.add("invalid", int(bool(entry["errors"])))
            self.add(f"outcome.{entry['outcome']}", 1)
            self.add(f"items.{entry['signal']}.{entry['outcome']}", items)

    def add(self, name, amount):
        self.counters[name] = self.counters.get(name, 0) + amount

    def note(self, kind, text):
        """Writes down what never became a request: a wrong path, a broken handshake."""
        with self.lock:
            self.file.write(json.dumps({kind: text}) + "\n")
            self.file.flush()
            self.add(kind, 1)

    def stats(self):
        with self.lock:
            return dict(self.counters)


class Collector:
    """Decodes, checks, plays the fault in force, and writes it all down."""

    def __init__(self, journal, faults, count_only=False):
        self.journal = journal
        self.faults = faults
        self.count_only = count_only

    def receive(self, call):
        request, errors = self.examine(call)
        fault, changed = self.faults.take()
        outcome = "rejected" if errors else "accepted" if fault.mode in ("ok", "slow", "huge") else fault.mode
        tree = None if request is None or self.count_only else decode.to_json(request)
        self.journal.write({
            "transport": call.transport, "signal": call.signal, "outcome": outcome, "errors": errors,
            "bytes": call.size, "encoding": call.encoding or "identity", "headers": call.headers, "request": tree,
        }, items(call.signal, request))
        if fault.mode == "slow":
            changed.wait(fault.delay_ms / 1000)
        return refuse(400, INVALID_ARGUMENT, "; ".join(errors)) if errors else answer(call.signal, fault, changed)

    def examine(self, call):
        if call.error:
            return None, [call.error]
        try:
            parse = decode.from_json if call.transport == "http/json" else decode.from_protobuf
            request = parse(call.signal, call.payload)
        except decode.Malformed as error:
            return None, [str(error)]
        return request, [] if self.count_only else checks.errors(call.signal, request)


def answer(signal, fault, changed):
    response, rejected = decode.RESPONSES[signal]
    message = response()
    if refusal := fault.refusal():
        return refuse(*refusal, fault.message, fault.retry_after_s)
    if fault.mode in ("hang", "reset"):
        return Answer(act=fault.mode, changed=changed)
    if fault.mode == "garbage":
        return Answer(raw=b"\xff\xff\xff\xffnot a message")
    if fault.mode == "huge":
        message.partial_success.error_message = "x" * HUGE
    if fault.mode == "partial":
        setattr(message.partial_success, rejected, fault.rejected)
        message.partial_success.error_message = fault.message
    return Answer(message=message)


def refuse(http, grpc, text, retry_after_s=None):
    status = status_pb2.Status(code=grpc, message=text)
    if retry_after_s is not None:
        delay = duration_pb2.Duration(seconds=int(retry_after_s), nanos=int(retry_after_s % 1 * 1e9))
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    return Answer(http=http, grpc=grpc, message=status, retry_after_s=retry_after_s)


def items(signal, request):
    """How many spans, log records or data points a request carries."""
    if request is None:
        return 0
    if signal == "traces":
        return sum(len(s.spans) for r in request.resource_spans for s in r.scope_spans)
    if signal == "logs":
        return sum(len(s.log_records) for r in request.resource_logs for s in r.scope_logs)
    return sum(len(getattr(m, m.WhichOneof("data")).data_points) if m.WhichOneof("data") else 0
               for r in request.resource_metrics for s in r.scope_metrics for m in s.metrics)
