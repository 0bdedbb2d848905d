"""Decodes OTLP export requests as strictly as the specification allows."""

import base64
import binascii
import json
import re
import zlib

import zstandard
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

REQUESTS = {
    "traces": traces.ExportTraceServiceRequest,
    "logs": logs.ExportLogsServiceRequest,
    "metrics": metrics.ExportMetricsServiceRequest,
}
RESPONSES = {
    "traces": (traces.ExportTraceServiceResponse, "rejected_spans"),
    "logs": (logs.ExportLogsServiceResponse, "rejected_log_records"),
    "metrics": (metrics.ExportMetricsServiceResponse, "rejected_data_points"),
}
MAX_DECODED = 256 << 20

# OTLP/JSON departs from the proto3 JSON mapping for these: hex, not base64.
ID_KEYS = {"traceId", "spanId", "parentSpanId"}
# OTLP/JSON wants these as integers only.
ENUM_KEYS = {"kind", "code", "severityNumber", "aggregationTemporality"}
# The proto3 JSON mapping writes 64-bit integers as decimal strings.
INT64_KEYS = {"timeUnixNano", "startTimeUnixNano", "endTimeUnixNano", "observedTimeUnixNano",
              "intValue", "asInt", "count", "zeroCount"}
# The same in lists.
INT64_LISTS = {"bucketCounts"}
HEX = re.compile(r"\A([0-9a-fA-F]{2})*\Z")
DECIMAL = re.compile(r"\A-?(0|[1-9][0-9]*)\Z")


class Malformed(Exception):
    """The request cannot be decoded."""


def decompress(encoding, body):
    """Undoes a `Content-Encoding`; refuses trailing bytes and truncated streams."""
    try:
        if encoding in ("", "identity"):
            return body
        if encoding == "gzip":
            stream = zlib.decompressobj(31)
            data = stream.decompress(body, MAX_DECODED)
            if not stream.eof or stream.unused_data:
                raise Malformed("gzip: truncated, too large or followed by other bytes")
            return data
        if encoding == "zstd":
            stream = zstandard.ZstdDecompressor().decompressobj()
            data = stream.decompress(body)
            if not stream.eof or stream.unused_data:
                raise Malformed("zstd: truncated or followed by other bytes")
            return data
    except (zlib.error, zstandard.ZstdError) as error:
        raise Malformed(f"{encoding}: {error}") from error
    raise LookupError(encoding)


def from_protobuf(signal, body):
    """Parses a binary request; a field that the schema lacks is an error."""
    message = REQUESTS[signal]()
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise Malformed(f"protobuf: {error}") from error
    refuse_unknown_fields(message, signal)
    return message


def from_json(signal, body):
    """Parses OTLP/JSON: camelCase keys, hex ids, integer enums, 64-bit integers as strings."""
    try:
        tree = json.loads(body.decode("utf-8"), object_pairs_hook=unique_keys, parse_constant=refuse_constant)
        return json_format.ParseDict(otlp_to_proto3(tree), REQUESTS[signal]())
    except (UnicodeDecodeError, ValueError, json_format.ParseError, binascii.Error) as error:
        raise Malformed(f"json: {error}") from error


def to_json(message):
    """The canonical form of a message: OTLP/JSON, defaults left out, ids in lower-case hex."""
    return proto3_to_otlp(json_format.MessageToDict(message, use_integers_for_enums=True))


def refuse_unknown_fields(message, path):
    unknown = [field.field_number for field in UnknownFieldSet(message)]
    if unknown:
        raise Malformed(f"unknown or mistyped fields {unknown} in {path} ({message.DESCRIPTOR.name})")
    for field, value in message.ListFields():
        if field.message_type is not None:
            for child in value if field.is_repeated else (value,):
                refuse_unknown_fields(child, f"{path}.{field.name}")


def unique_keys(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError(f"duplicate key among {keys}")
    return dict(pairs)


def refuse_constant(name):
    raise ValueError(f"{name} is not JSON; the mapping writes the string \"{name}\"")


def otlp_to_proto3(node):
    if isinstance(node, list):
        return [otlp_to_proto3(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: json_field(key, value) for key, value in node.items()}


def json_field(key, value):
    if "_" in key:
        raise ValueError(f"key {key} is not lowerCamelCase")
    if key in ID_KEYS:
        if not isinstance(value, str) or not HEX.match(value):
            raise ValueError(f"{key} {value!r} is not hex")
        return base64.b64encode(bytes.fromhex(value)).decode()
    if key in ENUM_KEYS and not isinstance(value, int):
        raise ValueError(f"{key} {value!r} is not an integer")
    if key in INT64_KEYS and not (isinstance(value, str) and DECIMAL.match(value)):
        raise ValueError(f"{key} {value!r} is not a decimal string")
    if key in INT64_LISTS and not all(isinstance(item, str) and DECIMAL.match(item) for item in value):
        raise ValueError(f"{key} {value!r} are not decimal strings")
    return otlp_to_proto3(value)


def proto3_to_otlp(node):
    if isinstance(node, list):
        return [proto3_to_otlp(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: base64.b64decode(value).hex() if key in ID_KEYS else proto3_to_otlp(value)
            for key, value in node.items()}
