"""Alerts and dashboards speak of metrics that the services really have, and lead to help."""

import importlib
import json
import re
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from services.files.settings import FilesSettings
from services.judging.rules import ANSWER_RULES
from services.judging.verdict import Effect
from services.keypool.model import RefusalReason
from tests.support.manifests import ROOT, find, of_kind, rendered

_WORDS = {"histogram_quantile"}
# What Prometheus itself adds to each sample, or is made of.
_SCRAPED = {"job", "pod", "namespace", "instance"}


def _known() -> dict[str, set[str]]:
    """Return the labels of every sample of a service's /metrics, by its name."""
    for service in ("edge", "keypool", "files"):
        importlib.import_module(f"services.{service}.server")
    found: dict[str, set[str]] = {"up": set()}
    for collector in set(REGISTRY._collector_to_names):
        if not isinstance(collector, MetricWrapperBase):
            found |= {name: set() for name in REGISTRY._collector_to_names[collector]}
            continue
        labels = set(collector._labelnames)
        match collector:
            case Counter():
                found[f"{collector._name}_total"] = labels
            case Histogram():
                found[f"{collector._name}_bucket"] = labels | {"le"}
                found[f"{collector._name}_sum"] = found[f"{collector._name}_count"] = labels
            case Gauge():
                found[collector._name] = labels
    return found


def _faults(expression: str) -> Iterator[str]:
    """Yield the metrics and labels of a query that no service has."""
    known = _known()
    bare = re.sub(r'"[^"]*"', '""', expression)
    groups = re.findall(r"by \(([^)]*)\)", bare)
    metrics = re.findall(r"([a-z_][a-z0-9_]*)(?:\{([^}]*)\})?", re.sub(r"by \([^)]*\)", "by", bare))
    # Durations such as 5m and labels inside braces are none.
    found = {name: labels for name, labels in metrics if name not in _WORDS and "_" in name}
    found |= {name: labels for name, labels in metrics if name == "up"}
    if not found:
        yield f"speaks of nothing: {expression}"
    wanted = {each.strip() for group in groups for each in group.split(",")}
    for name, braces in found.items():
        if name not in known:
            yield f"there is no {name}"
            continue
        matched = {each.strip() for each in re.findall(r"([a-z_]+)\s*[=!]", braces)}
        if unknown := (matched - known[name] - _SCRAPED):
            yield f"{name} has no {sorted(unknown)}"
    labels = set().union(*(known.get(name, set()) for name in found))
    if unknown := (wanted - labels - _SCRAPED):
        yield f"{expression} groups by {sorted(unknown)}"
    if bare.count("(") != bare.count(")") or bare.count("{") != bare.count("}"):
        yield f"{expression} is not closed"


def _alerts() -> dict[str, str]:
    [rules] = of_kind(rendered("everything"), "PrometheusRule")
    return {
        rule["alert"]: rule["expr"] for group in rules["spec"]["groups"] for rule in group["rules"]
    }


def panels() -> dict[str, str]:
    """Return the queries of the dashboard by their panels."""
    data = find(rendered("everything"), "ConfigMap", "gemini-balance-dashboard")["data"]
    found = json.loads(data["gemini-balance.json"])["panels"]
    return {
        f"{panel['title']} {target['refId']}": target["expr"].replace("$__rate_interval", "5m")
        for panel in found
        for target in panel["targets"]
    }


def test_every_query_is_about_metrics_that_exist() -> None:
    queries = {**_alerts(), **panels()}

    assert len(queries) > 30
    assert {name: [*_faults(query)] for name, query in queries.items() if [*_faults(query)]} == {}


@pytest.mark.parametrize(
    "query",
    [
        "rate(edge_request_total[5m]) > 0",
        'sum(edge_requests_total{code="500"})',
        "sum by (model) (rate(edge_requests_total[5m]))",
        "sum(rate(edge_requests_total[5m])",
        "edge_request_seconds > 1",
        "1 > 0",
    ],
)
def test_a_query_about_something_else_is_found(query: str) -> None:
    assert list(_faults(query))


def test_labels_have_the_values_that_alerts_look_for() -> None:
    alerts = _alerts()
    deadly = {
        rule.verdict.rule_id for rule in ANSWER_RULES if rule.verdict.effect is Effect.KILL_KEY
    }
    [pattern, *_] = re.findall(r'rule=~"([^"]+)"', alerts["KeysDie"])
    [reasons] = re.findall(r'reason=~"([^"]+)"', alerts["NoLiveKey"])

    assert deadly == {
        rule.verdict.rule_id for rule in ANSWER_RULES if re.fullmatch(pattern, rule.verdict.rule_id)
    }
    assert set(reasons.split("|")) <= {each.name for each in RefusalReason}


def test_alerts_about_room_know_how_much_there_is() -> None:
    alerts, fields = _alerts(), FilesSettings.model_fields

    for alert, field in (("UploadsFillMemory", "buffer"), ("TailsFillRedis", "tail")):
        room = fields[f"files_{field}_bytes"].default
        assert re.search(rf"files_{field}_bytes\) > 0\.\d \* {room}$", alerts[alert])


def test_every_alert_has_its_place_in_the_runbook() -> None:
    text = (ROOT / "docs/runbook.md").read_text()

    assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == list(_alerts())


def test_services_with_metrics_are_found_by_their_label() -> None:
    objects = rendered("everything")
    [monitor] = of_kind(objects, "ServiceMonitor")
    label = monitor["spec"]["selector"]["matchLabels"].items()
    jobs = {
        service["metadata"]["labels"][monitor["spec"]["jobLabel"]]
        for service in of_kind(objects, "Service")
        if label <= service["metadata"].get("labels", {}).items()
    }

    assert jobs == {"edge", "keypool", "files"}
