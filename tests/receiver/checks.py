"""What a decoded request must satisfy beyond its schema. Each check yields sentences."""

ALL_TRACE_FLAGS = 0x03  # sampled and random, W3C trace context level 2
IS_REMOTE_KNOWN, IS_REMOTE = 0x100, 0x200
MAX_TRACESTATE_MEMBERS = 32


def errors(signal, request):
    """Everything that is wrong with `request`, at most 50 sentences."""
    found = []
    for error in {"traces": traces, "logs": logs, "metrics": metrics}[signal](request):
        found.append(error)
        if len(found) == 50:
            break
    return found


def traces(request):
    seen = set()
    for group in request.resource_spans:
        yield from resource(group.resource)
        for scope in group.scope_spans:
            yield from attributes("scope", scope.scope.attributes)
            for item in scope.spans:
                yield from span(item)
                if (key := (item.trace_id, item.span_id)) in seen:
                    yield f"span {item.name!r}: sent twice in one request"
                seen.add(key)


def logs(request):
    for group in request.resource_logs:
        yield from resource(group.resource)
        for scope in group.scope_logs:
            yield from attributes("scope", scope.scope.attributes)
            for record in scope.log_records:
                yield from log_record(record)


def metrics(request):
    for group in request.resource_metrics:
        yield from resource(group.resource)
        for scope in group.scope_metrics:
            yield from attributes("scope", scope.scope.attributes)
            streams = {}
            for item in scope.metrics:
                yield from metric(item, streams)


def resource(item):
    yield from attributes("resource", item.attributes)
    names = [a.value.string_value for a in item.attributes if a.key == "service.name"]
    if not names or not names[0]:
        yield "resource: no service.name"


def span(item):
    where = f"span {item.name!r}"
    if not item.name:
        yield f"{where}: empty name"
    yield from ids(where, item.trace_id, item.span_id)
    if len(item.parent_span_id) not in (0, 8) or (item.parent_span_id and not any(item.parent_span_id)):
        yield f"{where}: parent_span_id {item.parent_span_id.hex()}"
    if item.parent_span_id and item.parent_span_id == item.span_id:
        yield f"{where}: its own parent"
    if not item.start_time_unix_nano:
        yield f"{where}: no start time"
    if item.end_time_unix_nano < item.start_time_unix_nano:
        yield f"{where}: ends before it starts"
    if not 1 <= item.kind <= 5:
        yield f"{where}: kind {item.kind}"
    if not 0 <= item.status.code <= 2:
        yield f"{where}: status code {item.status.code}"
    if item.status.message and item.status.code != 2:
        yield f"{where}: a status message without an error"
    yield from flags(where, item.flags)
    yield from tracestate(where, item.trace_state)
    yield from attributes(where, item.attributes)
    for event in item.events:
        if not event.name or not event.time_unix_nano:
            yield f"{where}: event {event.name!r} lacks its name or time"
        yield from attributes(f"{where} event {event.name!r}", event.attributes)
    for link in item.links:
        yield from ids(f"{where} link", link.trace_id, link.span_id)
        yield from flags(f"{where} link", link.flags)
        yield from tracestate(f"{where} link", link.trace_state)
        yield from attributes(f"{where} link", link.attributes)


def log_record(item):
    where = f"log {item.body.string_value[:40]!r}"
    if not item.time_unix_nano:
        yield f"{where}: no time"
    if not item.observed_time_unix_nano:
        yield f"{where}: no observed time"
    if not 0 <= item.severity_number <= 24:
        yield f"{where}: severity {item.severity_number}"
    if item.trace_id or item.span_id:
        yield from ids(where, item.trace_id, item.span_id)
    if item.flags & ~ALL_TRACE_FLAGS:
        yield f"{where}: flags {item.flags:#x}"
    yield from any_value(where, item.body)
    yield from attributes(where, item.attributes)


def metric(item, streams):
    """Checks a metric; `streams` has what the scope's earlier ones were, by name."""
    where = f"metric {item.name!r}"
    if not item.name:
        yield f"{where}: empty name"
    kind = item.WhichOneof("data")
    if kind is None:
        yield f"{where}: no data"
        return
    data = getattr(item, kind)
    if not data.data_points:
        yield f"{where}: no points"
    temporality = getattr(data, "aggregation_temporality", 0)
    if kind in ("sum", "histogram", "exponential_histogram") and temporality not in (1, 2):
        yield f"{where}: temporality {temporality}"
    monotonic = getattr(data, "is_monotonic", False)
    identity = (kind, item.unit, item.description, temporality, monotonic)
    # one stream may come in parts, but then it is the same stream in each
    first, series = streams.setdefault(item.name, (identity, set()))
    if first != identity:
        yield f"{where}: two streams of one name: {first} and {identity}"
    for point in data.data_points:
        yield from data_point(where, kind, point)
        if monotonic and (point.as_int < 0 or point.as_double < 0):
            yield f"{where}: a monotonic sum below zero"
        key = tuple(sorted((a.key, a.value.SerializeToString()) for a in point.attributes))
        if key in series:
            yield f"{where}: two points with the same attributes"
        series.add(key)


def data_point(where, kind, point):
    yield from attributes(where, point.attributes)
    if not point.time_unix_nano:
        yield f"{where}: a point without a time"
    if kind != "gauge" and not point.start_time_unix_nano:
        yield f"{where}: a point without a start"
    if point.start_time_unix_nano > point.time_unix_nano:
        yield f"{where}: a point that ends before it starts"
    if kind in ("gauge", "sum") and point.WhichOneof("value") is None:
        yield f"{where}: a point without a value"
    if kind == "histogram":
        bounds, counts = list(point.explicit_bounds), point.bucket_counts
        if any(not low < high for low, high in zip(bounds, bounds[1:])):
            yield f"{where}: bounds do not rise"
        if (bounds or counts) and (len(counts) != len(bounds) + 1 or sum(counts) != point.count):
            yield f"{where}: buckets do not fit bounds and count"
    if kind == "exponential_histogram":
        counts = [*point.positive.bucket_counts, *point.negative.bucket_counts]
        if sum(counts) + point.zero_count != point.count:
            yield f"{where}: buckets do not fit the count"
        if not -10 <= point.scale <= 20:
            yield f"{where}: scale {point.scale}"
    if kind in ("histogram", "exponential_histogram"):
        yield from distribution(where, point)
    for exemplar in getattr(point, "exemplars", ()):
        yield from exemplar_of(where, exemplar)


def distribution(where, point):
    """What both kinds of histograms have."""
    if point.HasField("min") != point.HasField("max") or point.min > point.max:
        yield f"{where}: least value {point.min}, greatest {point.max}"
    if point.HasField("min") and point.HasField("sum") and point.count:
        slack = 1e-9 * max(1, abs(point.sum))
        if not point.min * point.count - slack <= point.sum <= point.max * point.count + slack:
            yield f"{where}: the sum {point.sum} does not fit its least and greatest value"
    if not point.count and point.sum:
        yield f"{where}: a sum of nothing"


def exemplar_of(where, exemplar):
    yield from attributes(f"{where} exemplar", exemplar.filtered_attributes)
    if not exemplar.time_unix_nano:
        yield f"{where}: an exemplar without a time"
    if exemplar.WhichOneof("value") is None:
        yield f"{where}: an exemplar without a value"
    if exemplar.trace_id or exemplar.span_id:
        yield from ids(f"{where} exemplar", exemplar.trace_id, exemplar.span_id)


def ids(where, trace_id, span_id):
    if len(trace_id) != 16 or not any(trace_id):
        yield f"{where}: trace_id {trace_id.hex() or 'missing'}"
    if len(span_id) != 8 or not any(span_id):
        yield f"{where}: span_id {span_id.hex() or 'missing'}"


def flags(where, value):
    if value & ~(ALL_TRACE_FLAGS | IS_REMOTE_KNOWN | IS_REMOTE):
        yield f"{where}: flags {value:#x}"
    if value & IS_REMOTE and not value & IS_REMOTE_KNOWN:
        yield f"{where}: flags {value:#x}: is_remote without has_is_remote"


def tracestate(where, value):
    members = [member.strip() for member in value.split(",") if member.strip()]
    keys = [member.partition("=")[0] for member in members]
    if len(members) > MAX_TRACESTATE_MEMBERS or len(set(keys)) != len(keys) or any("=" not in m for m in members):
        yield f"{where}: tracestate {value[:80]!r}"


def attributes(where, items):
    keys = [item.key for item in items]
    if "" in keys:
        yield f"{where}: an attribute without a key"
    if len(set(keys)) != len(keys):
        yield f"{where}: duplicate attributes {sorted(k for k in set(keys) if keys.count(k) > 1)}"
    for item in items:
        yield from any_value(f"{where} {item.key}", item.value)


def any_value(where, value):
    kind = value.WhichOneof("value")
    if kind == "kvlist_value":
        yield from attributes(where, value.kvlist_value.values)
    elif kind == "array_value":
        for item in value.array_value.values:
            yield from any_value(where, item)
