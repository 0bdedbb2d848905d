"""The receiver against a sender that shares no code with it: the Python OpenTelemetry SDK."""

import gzip
import json
import logging
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import grpc
import h2.config
import h2.connection
import h2.events
import zstandard
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

HERE = Path(__file__).parent
RESOURCE = Resource.create({"service.name": "sender"})
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
SPAN = {
    "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "GET /", "kind": 2,
    "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": "1544712661000000000",
    "attributes": [{"key": "n", "value": {"intValue": "9007199254740993"}}],
}


class Receiver:
    def __init__(self, *options):
        self.folder = tempfile.TemporaryDirectory()
        self.out = Path(self.folder.name) / "requests.jsonl"
        self.process = subprocess.Popen(
            [sys.executable, HERE / "otlp_receiver.py", "--out", self.out, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ready = re.match(r"ready grpc=(\d+) h2=(\d+) http=(\d+) control=(\d+)", self.process.stdout.readline())
        self.grpc, self.h2, self.http, self.control = (f"127.0.0.1:{port}" for port in ready.groups())

    def stop(self):
        self.process.stdin.close()
        code = self.process.wait(10)
        self.process.stdout.close()
        self.folder.cleanup()
        return code

    def lines(self):
        return [json.loads(line) for line in self.out.read_text().splitlines()]

    def mode(self, **fault):
        post(f"http://{self.control}/_control", json.dumps(fault).encode())

    def stats(self):
        return json.load(urllib.request.urlopen(f"http://{self.control}/stats", timeout=10))


def post(url, body, **headers):
    """POSTs and returns status, headers and body; keyword `content_type` becomes Content-Type."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **names})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.headers, answer.read()


POINT = {"startTimeUnixNano": "1", "timeUnixNano": "2",
         "attributes": [{"key": "k", "value": {"stringValue": "v"}}]}
EXEMPLAR = {"timeUnixNano": "2", "asInt": "1", "traceId": "5b8efff798038103d269b633813fc60c",
            "spanId": "eee19b7ec3c1b174", "filteredAttributes": POINT["attributes"]}


def metric(kind, name="m", change=(), **point):
    """A metric of one point, `point` changed in the point, `change` in what holds the points."""
    values = {
        "gauge": {"asDouble": 1.5},
        "sum": {"asInt": "3", "exemplars": [EXEMPLAR]},
        "histogram": {"count": "3", "sum": 6.0, "min": 1.0, "max": 3.0, "bucketCounts": ["1", "2"],
                      "explicitBounds": [1.0]},
        "exponentialHistogram": {"count": "3", "sum": 6.0, "scale": 2, "zeroCount": "1",
                                 "positive": {"offset": -1, "bucketCounts": ["2"]}},
    }
    data = {"dataPoints": [{**POINT, **values[kind], **point}]}
    data |= {} if kind == "gauge" else {"aggregationTemporality": 2}
    data |= {"isMonotonic": True} if kind == "sum" else {}
    return {"name": name, "unit": "s", kind: {**data, **dict(change)}}


def metrics(*items):
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "s"}}]}
    return json.dumps({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": items}]}]}).encode()


def traces(*spans, **resource):
    resource = resource or {"attributes": [{"key": "service.name", "value": {"stringValue": "s"}}]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}).encode()


class Sdk(unittest.TestCase):
    """All three signals over each transport that the SDK has."""

    def setUp(self):
        self.receiver = Receiver()
        self.addCleanup(self.receiver.stop)

    def send(self, spans, logs, metrics):
        tracer = TracerProvider(resource=RESOURCE)
        tracer.add_span_processor(SimpleSpanProcessor(spans))
        logger = LoggerProvider(resource=RESOURCE)
        logger.add_log_record_processor(SimpleLogRecordProcessor(logs))
        meter = MeterProvider([PeriodicExportingMetricReader(metrics)], resource=RESOURCE)
        with tracer.get_tracer("t").start_as_current_span("parent", attributes={"k": [1, 2]}) as span:
            span.add_event("seen")
            record = logging.LogRecord("l", logging.WARNING, "f", 1, "hello", (), None)
            LoggingHandler(logger_provider=logger).emit(record)
            meter.get_meter("m").create_histogram("h").record(3)
        for provider in (tracer, logger, meter):
            provider.shutdown()
        self.judge(format(span.get_span_context().trace_id, "032x"))

    def judge(self, trace_id):
        lines = {line["signal"]: line for line in self.receiver.lines()}
        self.assertEqual(set(lines), {"traces", "logs", "metrics"})
        self.assertEqual([line["errors"] for line in lines.values()], [[], [], []])
        self.assertEqual({line["outcome"] for line in lines.values()}, {"accepted"})
        span = lines["traces"]["request"]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        log = lines["logs"]["request"]["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
        self.assertEqual((span["traceId"], log["traceId"]), (trace_id, trace_id))
        self.assertEqual(span["spanId"], log["spanId"])
        self.assertIn("OTel", lines["traces"]["headers"]["user-agent"])
        self.assertEqual(self.receiver.stats()["items.metrics.accepted"], 1)

    def test_grpc(self):
        to = {"endpoint": f"http://{self.receiver.grpc}", "insecure": True}
        self.send(GrpcSpans(**to), GrpcLogs(**to), GrpcMetrics(**to))

    def test_grpc_gzip(self):
        to = {"endpoint": f"http://{self.receiver.grpc}", "insecure": True, "compression": grpc.Compression.Gzip}
        self.send(GrpcSpans(**to), GrpcLogs(**to), GrpcMetrics(**to))

    def test_h2(self):
        to = {"endpoint": f"http://{self.receiver.h2}", "insecure": True}
        self.send(GrpcSpans(**to), GrpcLogs(**to), GrpcMetrics(**to))

    def test_h2_gzip(self):
        to = {"endpoint": f"http://{self.receiver.h2}", "insecure": True, "compression": grpc.Compression.Gzip}
        self.send(GrpcSpans(**to), GrpcLogs(**to), GrpcMetrics(**to))
        self.assertEqual({line["encoding"] for line in self.receiver.lines()}, {"gzip"})

    def test_http(self):
        self.send_http(Compression.NoCompression)
        self.assertEqual({line["encoding"] for line in self.receiver.lines()}, {"identity"})

    def test_http_gzip(self):
        self.send_http(Compression.Gzip)
        self.assertEqual({line["encoding"] for line in self.receiver.lines()}, {"gzip"})

    def send_http(self, compression):
        base = f"http://{self.receiver.http}/v1"
        self.send(HttpSpans(f"{base}/traces", compression=compression),
                  HttpLogs(f"{base}/logs", compression=compression),
                  HttpMetrics(f"{base}/metrics", compression=compression))


class Strictness(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.receiver = Receiver()
        cls.url = f"http://{cls.receiver.http}/v1/traces"

    @classmethod
    def tearDownClass(cls):
        cls.receiver.stop()

    def refused(self, body, reason, **headers):
        status, _, answer = post(self.url, body, **headers)
        self.assertEqual(status, 400, answer)
        self.assertIn(reason, answer.decode("utf-8", "replace"))
        self.assertEqual(self.receiver.lines()[-1]["outcome"], "rejected")

    def test_json_is_taken_and_kept_exactly(self):
        self.assertEqual(post(self.url, traces(SPAN))[0], 200)
        line = self.receiver.lines()[-1]
        self.assertEqual((line["transport"], line["errors"]), ("http/json", []))
        self.assertEqual(line["request"]["resourceSpans"][0]["scopeSpans"][0]["spans"], [SPAN])

    def test_encodings_and_chunks(self):
        body = traces(SPAN)
        for encoding, data in (("gzip", gzip.compress(body)), ("zstd", zstandard.compress(body))):
            self.assertEqual(post(self.url, data, content_encoding=encoding)[0], 200)
            self.assertEqual(self.receiver.lines()[-1]["encoding"], encoding)
            self.refused(data[:-3], encoding, content_encoding=encoding)
        self.assertEqual(post(self.url, body, content_encoding="br")[0], 415)
        self.assertEqual(post(self.url, iter([body[:20], body[20:]]))[0], 200)
        self.assertEqual(self.receiver.lines()[-1]["headers"]["transfer-encoding"], "chunked")

    def test_broken_spans(self):
        for change, reason in (
            ({"traceId": "00" * 16}, "trace_id"), ({"traceId": "ab"}, "trace_id"), ({"spanId": ""}, "span_id"),
            ({"parentSpanId": "abcd"}, "parent_span_id"), ({"parentSpanId": SPAN["spanId"]}, "its own parent"),
            ({"name": ""}, "empty name"), ({"kind": 0}, "kind"), ({"startTimeUnixNano": "0"}, "no start time"),
            ({"endTimeUnixNano": "1"}, "ends before it starts"), ({"flags": 4}, "flags"), ({"flags": 512}, "flags"),
            ({"traceState": "a=1,a=2"}, "tracestate"), ({"attributes": SPAN["attributes"] * 2}, "duplicate"),
            ({"events": [{"name": "e"}]}, "event"), ({"links": [{"traceId": "ab"}]}, "link"),
        ):
            with self.subTest(change):
                self.refused(traces({**SPAN, **change}), reason)
        self.refused(traces(SPAN, SPAN), "sent twice")
        self.refused(traces(SPAN, attributes=[]), "service.name")

    def test_broken_json(self):
        for change, reason in (
            ({"traceId": "W47/95gDgQPSabYzgT/GDA=="}, "not hex"), ({"kind": "SPAN_KIND_SERVER"}, "not an integer"),
            ({"startTimeUnixNano": 1544712660000000000}, "decimal string"), ({"nme": "x"}, "nme"),
            ({"trace_state": ""}, "lowerCamelCase"),
        ):
            with self.subTest(change):
                self.refused(traces({**SPAN, **change}), reason)
        self.refused(b'{"resourceSpans":[],"resourceSpans":[]}', "duplicate key")
        self.refused(b"\xff", "json")

    def test_broken_protobuf(self):
        for body in (b"\xff\xff", b"\x9a\x06\x01x", b"\x08\x01"):
            with self.subTest(body):
                self.refused(body, "", content_type="application/x-protobuf")
        with grpc.insecure_channel(self.receiver.grpc) as channel:
            with self.assertRaises(grpc.RpcError) as refused:
                channel.unary_unary(EXPORT)(b"\x9a\x06\x01x", timeout=10)
            self.assertEqual(refused.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
            with self.assertRaises(grpc.RpcError) as refused:
                channel.unary_unary("/v1/traces")(b"", timeout=10)
            self.assertEqual(refused.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_paths_and_types(self):
        self.assertEqual(post(self.url, b"", content_type="text/plain")[0], 415)
        self.assertEqual(post(f"http://{self.receiver.http}/v1/traces/", b"")[0], 404)
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(self.url, timeout=10)
        self.assertEqual(refused.exception.code, 405)
        refused.exception.close()


class StrictMetrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.receiver = Receiver()
        cls.url = f"http://{cls.receiver.http}/v1/metrics"

    @classmethod
    def tearDownClass(cls):
        cls.receiver.stop()

    def refused(self, reason, *items):
        status, _, answer = post(self.url, metrics(*items))
        self.assertEqual(status, 400, answer)
        self.assertIn(reason, answer.decode("utf-8", "replace"))

    def test_all_kinds_are_taken_and_kept_exactly(self):
        items = [metric(kind, kind) for kind in ("gauge", "sum", "histogram", "exponentialHistogram")]
        status, _, answer = post(self.url, metrics(*items))
        self.assertEqual(status, 200, answer)
        kept = self.receiver.lines()[-1]["request"]["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
        self.assertEqual(kept, items)

    def test_broken_points(self):
        none = {"attributes": POINT["attributes"] * 2}
        for reason, item in (
            ("below zero", metric("sum", asInt="-1")), ("duplicate", metric("gauge", **none)),
            ("ends before", metric("sum", startTimeUnixNano="3")), ("without a time", metric("sum", timeUnixNano="0")),
            ("without a start", metric("sum", startTimeUnixNano="0")),
            ("temporality", metric("sum", change={"aggregationTemporality": 0})),
            ("no points", metric("sum", change={"dataPoints": []})),
            ("bounds and count", metric("histogram", bucketCounts=["3"])),
            ("bounds and count", metric("histogram", bucketCounts=["1", "1"])),
            ("bounds do not rise", metric("histogram", explicitBounds=[2.0, 2.0], bucketCounts=["1", "1", "1"])),
            ("decimal strings", metric("histogram", bucketCounts=[1, 2])),
            ("least value", metric("histogram", min=4.0)), ("does not fit its least", metric("histogram", sum=60.0)),
            ("fit the count", metric("exponentialHistogram", zeroCount="2")),
            ("scale", metric("exponentialHistogram", scale=21)),
            ("trace_id", metric("sum", exemplars=[{**EXEMPLAR, "traceId": "ab"}])),
            ("span_id", metric("sum", exemplars=[{**EXEMPLAR, "spanId": "00" * 8}])),
            ("exemplar without a time", metric("sum", exemplars=[{**EXEMPLAR, "timeUnixNano": "0"}])),
            ("duplicate", metric("sum", exemplars=[{**EXEMPLAR, "filteredAttributes": POINT["attributes"] * 2}])),
        ):
            with self.subTest(reason):
                self.refused(reason, item)

    def test_streams_are_told_apart(self):
        self.refused("same attributes", metric("sum"), metric("sum"))
        self.refused("two streams", metric("sum"), metric("gauge", attributes=[]))
        self.refused("two streams", metric("sum"), {**metric("sum", attributes=[]), "unit": "ms"})
        self.assertEqual(post(self.url, metrics(metric("sum"), metric("sum", attributes=[])))[0], 200)


class Misbehaviour(unittest.TestCase):
    def setUp(self):
        self.receiver = Receiver()
        self.addCleanup(self.receiver.stop)
        self.url = f"http://{self.receiver.http}/v1/traces"
        request = trace_service_pb2.ExportTraceServiceRequest()
        self.body = request.SerializeToString()
        channel = grpc.insecure_channel(self.grpc_port())
        self.addCleanup(channel.close)
        self.export = channel.unary_unary(EXPORT)

    def grpc_port(self):
        return self.receiver.grpc

    def http(self):
        return post(self.url, self.body, content_type="application/x-protobuf")

    def grpc_error(self, timeout=10):
        with self.assertRaises(grpc.RpcError) as refused:
            self.export(self.body, timeout=timeout)
        return refused.exception

    def test_refusals(self):
        for mode, status, code in (("unavailable", 503, "UNAVAILABLE"), ("throttle", 429, "RESOURCE_EXHAUSTED"),
                                   ("unauthorized", 401, "UNAUTHENTICATED"), ("not_found", 404, "UNIMPLEMENTED")):
            with self.subTest(mode):
                self.receiver.mode(mode=mode)
                self.assertEqual(self.http()[0], status)
                self.assertEqual(self.grpc_error().code().name, code)
        self.receiver.mode(mode="status", http=502, grpc=15)
        self.assertEqual(self.http()[0], 502)
        self.assertEqual(self.grpc_error().code().name, "DATA_LOSS")

    def test_throttle_says_when_to_retry(self):
        self.receiver.mode(mode="throttle", retry_after_s=2)
        self.assertEqual(self.http()[1]["retry-after"], "2")
        details = dict(self.grpc_error().trailing_metadata())["grpc-status-details-bin"]
        info = error_details_pb2.RetryInfo()
        self.assertTrue(status_pb2.Status.FromString(details).details[0].Unpack(info))
        self.assertEqual(info.retry_delay.seconds, 2)

    def test_partial_success(self):
        self.receiver.mode(mode="partial", rejected=3, message="too old")
        for body in (self.http()[2], self.export(self.body, timeout=10)):
            partial = trace_service_pb2.ExportTraceServiceResponse.FromString(body).partial_success
            self.assertEqual((partial.rejected_spans, partial.error_message), (3, "too old"))
        self.assertEqual(post(self.url, b"{}")[2], b'{"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too old"}}')

    def test_flaky_and_times(self):
        self.receiver.mode(mode="flaky")
        self.assertEqual([self.http()[0] for _ in range(4)], [503, 200, 503, 200])
        self.receiver.mode(mode="unavailable", times=2)
        self.assertEqual([self.http()[0] for _ in range(3)], [503, 503, 200])

    def test_reset_breaks_the_connection(self):
        self.receiver.mode(mode="reset")
        with self.assertRaises(ConnectionResetError):
            self.http()
        self.assertEqual(self.grpc_error().code().name, "UNAVAILABLE")
        self.assertEqual([line["outcome"] for line in self.receiver.lines()], ["reset", "reset"])
        self.receiver.mode(mode="ok")
        self.assertEqual(self.http()[0], 200)
        self.export(self.body, timeout=10, wait_for_ready=True)

    def test_hang_keeps_silent(self):
        self.receiver.mode(mode="hang")
        self.assertEqual(self.grpc_error(timeout=0.3).code().name, "DEADLINE_EXCEEDED")
        with self.assertRaises(TimeoutError):
            urllib.request.urlopen(urllib.request.Request(
                self.url, self.body, {"Content-Type": "application/x-protobuf"}), timeout=0.3)

    def test_slow_garbage_huge(self):
        self.receiver.mode(mode="slow", delay_ms=200)
        start = time.monotonic()
        self.http()
        self.assertGreaterEqual(time.monotonic() - start, 0.2)
        self.receiver.mode(mode="garbage")
        self.assertTrue(self.http()[2].startswith(b"\xff"))
        self.receiver.mode(mode="huge")
        self.assertGreater(len(self.http()[2]), 4 << 20)
        self.assertEqual(self.grpc_error().code().name, "RESOURCE_EXHAUSTED")

    def test_unknown_mode_is_refused(self):
        status, _, body = post(f"http://{self.receiver.control}/_control", b'{"mode":"good"}')
        self.assertEqual(status, 400, body)


class MisbehaviourOfH2(Misbehaviour):
    """The same faults from the other gRPC server."""

    def grpc_port(self):
        return self.receiver.h2

    def test_zstd(self):
        frames = h2_call(self.receiver.h2, zstandard.compress(self.body), "zstd")
        self.assertIn(b"grpc-status: 0", frames)
        self.assertEqual(self.receiver.lines()[-1]["encoding"], "zstd")
        self.assertIn(b"grpc-status: 3", h2_call(self.receiver.h2, b"not zstd", "zstd"))
        self.assertIn(b"grpc-status: 12", h2_call(self.receiver.h2, b"", "br"))


def h2_call(address, message, encoding):
    """One Export call, frame by frame; returns the answer's header and trailer lines."""
    host, port = address.split(":")
    client = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    client.initiate_connection()
    client.send_headers(1, [
        (":method", "POST"), (":scheme", "http"), (":authority", address), (":path", EXPORT), ("te", "trailers"),
        ("content-type", "application/grpc"), ("grpc-encoding", encoding)])
    client.send_data(1, struct.pack(">?I", True, len(message)) + message, end_stream=True)
    lines = []
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        while True:
            connection.sendall(client.data_to_send())
            for event in client.receive_data(connection.recv(65536)):
                lines += [f"{name}: {value}" for name, value in getattr(event, "headers", None) or ()]
                if isinstance(event, h2.events.StreamEnded):
                    return "\n".join(lines).encode()


class Life(unittest.TestCase):
    def test_ends_when_its_input_closes(self):
        self.assertEqual(Receiver().stop(), 0)


if __name__ == "__main__":
    unittest.main()
