"""CloudWatch Logs: filter patterns on JSON, as subscription and metric filters use them.

The emulator looks for the words of a pattern anywhere in a line, so that `{ $.schema = "x" }` never matches, and its
metric filters make no metrics.
"""
import fnmatch
import json
import re
import time

import ministack.services.cloudwatch as cloudwatch
import ministack.services.cloudwatch_logs as logs

_TOKEN = re.compile(r'\s*(&&|\|\||!=|>=|<=|=|>|<|\(|\)|"(?:[^"\\]|\\.)*"|[^\s()=!<>&|"]+)')
_ABSENT = object()


def install():
    words = logs._subscription_pattern_matches
    logs._subscription_pattern_matches = lambda pattern, message: (
        matches(pattern, message) if (pattern or "").strip().startswith("{") else words(pattern, message))
    fan_out = logs._fanout_to_subscription_filters

    def fan_out_and_count(group, stream, events):
        _count(group, events)
        return fan_out(group, stream, events)

    logs._fanout_to_subscription_filters = fan_out_and_count


def matches(pattern, message):
    """Whether a line is JSON and meets `{ $.a = "x" && ($.b > 1 || $.c IS TRUE) }`."""
    try:
        document = json.loads(message)
    except ValueError:
        return False
    tokens = _TOKEN.findall(pattern.strip()[1:-1])
    return _either(tokens, document)


def _either(tokens, document):
    result = _both(tokens, document)
    while tokens and tokens[0] == "||":
        tokens.pop(0)
        result = _both(tokens, document) or result
    return result


def _both(tokens, document):
    result = _one(tokens, document)
    while tokens and tokens[0] == "&&":
        tokens.pop(0)
        result = _one(tokens, document) and result
    return result


def _one(tokens, document):
    if tokens[0] == "(":
        tokens.pop(0)
        result = _either(tokens, document)
        tokens.pop(0)
        return result
    value = select(tokens.pop(0), document)
    operator = tokens.pop(0)
    if operator.upper() in ("IS", "NOT"):
        word = tokens.pop(0).upper()
        return {"TRUE": value is True, "FALSE": value is False, "NULL": value is None,
                "EXISTS": (value is not _ABSENT) == (operator.upper() == "IS")}[word]
    if operator.upper() == "EXISTS":
        return value is not _ABSENT
    return _compare(value, operator, tokens.pop(0))


def _compare(value, operator, literal):
    if value is _ABSENT or isinstance(value, (dict, list)):
        return False
    if literal.startswith('"') or not re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", literal):
        equal = fnmatch.fnmatchcase(str(value), literal.strip('"').replace("[", "[[]").replace("?", "[?]"))
        return equal if operator == "=" else operator == "!=" and not equal
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return operator == "!="
    number = float(literal)
    return {"=": value == number, "!=": value != number, ">": value > number, "<": value < number,
            ">=": value >= number, "<=": value <= number}[operator]


def select(path, document):
    """The value at `$.a.b[0]`, or a value that equals nothing."""
    for name, index in re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", path):
        if name and isinstance(document, dict) and name in document:
            document = document[name]
        elif index and isinstance(document, list) and int(index) < len(document):
            document = document[int(index)]
        else:
            return _ABSENT
    return document


def _count(group, events):
    """Turns matching lines into metrics, as metric filters do."""
    for (owner, _name), metric_filter in list(logs._metric_filters.items()):
        if owner != group:
            continue
        pattern = metric_filter.get("filterPattern", "")
        for event in events:
            if logs._subscription_pattern_matches(pattern, event.get("message", "")):
                for transformation in metric_filter.get("metricTransformations", []):
                    _put_metric(transformation, event.get("message", ""))


def _put_metric(transformation, message):
    try:
        document = json.loads(message)
    except ValueError:
        document = {}
    value = transformation.get("metricValue", "1")
    value = select(value, document) if value.startswith("$") else float(value)
    dimensions = {name: select(path, document) for name, path in (transformation.get("dimensions") or {}).items()}
    # A line without the value or without one of the dimensions makes no data point.
    if not isinstance(value, (int, float)) or any(value is _ABSENT for value in dimensions.values()):
        return
    dimensions = {name: str(text) for name, text in dimensions.items()}
    cloudwatch._store_datum(transformation["metricNamespace"], transformation["metricName"], dimensions, time.time(),
                            transformation.get("unit", "None"), value, None, None, None)
