"""Judges pages of metrics: each line of stdin is a page as JSON ({"open_metrics": bool, "text": ...});
each line of stdout is what the strict parser of prometheus_client made of it, or its error."""

import json
import math
import sys

from prometheus_client import parser as classic
from prometheus_client.openmetrics import parser as open_metrics


def main():
    for line in sys.stdin:
        page = json.loads(line)
        parse = open_metrics if page["open_metrics"] else classic
        try:
            families = [family(f) for f in parse.text_string_to_metric_families(page["text"])]
            print(json.dumps({"families": families}))
        except Exception as error:  # whatever it is, the page is at fault
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}))


def family(found):
    return {
        "name": found.name,
        "type": found.type,
        "unit": found.unit,
        "help": found.documentation,
        "samples": [sample(s) for s in found.samples],
    }


def sample(found):
    made = {"name": found.name, "labels": found.labels, "value": number(found.value)}
    if found.exemplar:
        exemplar = found.exemplar
        if sum(len(k) + len(v) for k, v in exemplar.labels.items()) > 128:
            raise ValueError("an exemplar with more than 128 characters")
        made["exemplar"] = {
            "labels": exemplar.labels,
            "value": number(exemplar.value),
            "timestamp": exemplar.timestamp and float(exemplar.timestamp),
        }
    return made


def number(value):
    return value if math.isfinite(value) else str(value)


main()
