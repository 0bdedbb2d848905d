"""The bad days that the receiver can play, switched at run time."""

import threading
from dataclasses import dataclass

# name -> (HTTP status, gRPC status code)
REFUSALS = {
    "unavailable": (503, 14),
    "throttle": (429, 8),
    "unauthorized": (401, 16),
    "not_found": (404, 12),
    "flaky": (503, 14),
}
OTHERS = {"ok", "hang", "slow", "partial", "reset", "garbage", "huge", "status"}


@dataclass(frozen=True)
class Fault:
    """What happens to the next requests.

    `delay_ms` belongs to slow, `rejected` to partial, `retry_after_s` to throttle and (when
    given) every other refusal, `http` and `grpc` to status. After `times` requests the receiver
    is well again; 0 means until switched.
    """

    mode: str = "ok"
    delay_ms: int = 1000
    rejected: int = 1
    message: str = "the test says so"
    retry_after_s: float | None = None
    http: int = 500
    grpc: int = 13
    times: int = 0

    @staticmethod
    def parse(tree):
        fault = Fault(**tree)
        if fault.mode not in REFUSALS and fault.mode not in OTHERS:
            raise ValueError(f"mode {fault.mode!r}; known: {sorted(OTHERS.union(REFUSALS))}")
        if fault.mode == "throttle" and fault.retry_after_s is None:
            return Fault(**{**tree, "retry_after_s": 1})
        return fault

    def refusal(self):
        """The HTTP and gRPC status to refuse with, or None."""
        if self.mode == "status":
            return (self.http, self.grpc)
        return REFUSALS.get(self.mode)


class Faults:
    """The fault in force; requests take it one by one."""

    def __init__(self):
        self.lock = threading.Lock()
        self.fault = Fault()
        self.taken = 0
        self.changed = threading.Event()

    def switch(self, fault):
        """Puts `fault` in force and lets go of every request that hangs."""
        with self.lock:
            self.fault, self.taken = fault, 0
            self.changed.set()
            self.changed = threading.Event()

    def take(self):
        """The fault for one request, and the event that ends a hang."""
        with self.lock:
            self.taken += 1
            fault = self.fault
            spent = fault.times and self.taken > fault.times
            spared = fault.mode == "flaky" and self.taken % 2 == 0
            return (Fault() if spent or spared else fault), self.changed
