"""Alerts and dashboards speak of metrics that the services really have, and lead to help."""

import json
import re
import time
from collections.abc import Iterator, Mapping

import httpx
import pytest

from services.files.settings import FilesSettings
from services.judging.rules import ANSWER_RULES, UNREACHED
from services.judging.verdict import Effect
from services.keypool.catalog import KeyState
from services.keypool.model import RefusalReason
from tests.support.manifests import ROOT, find, of_kind, rendered
from tests.support.metrics import Metric, declared, read_scrape
from tests.support.system import System, running_simulator_process, running_system

Known = Mapping[str, frozenset[str]]
"""What may stand in a query: the labels of every sample by its name."""

_WORDS = {"group_left", "histogram_quantile"}
_LABEL_LISTS = r"(?:by|on|group_left) \(([^)]*)\)"
# What Prometheus itself adds to each sample, or is made of.
_SCRAPED = {"job", "pod", "namespace", "instance"}
# Anything else could take as many values as there are clients, keys or files.
_BOUNDED = {
    *("code", "dialect", "end", "kind", "method", "model", "operation", "outcome", "pool"),
    *("python", "reason", "route", "rule", "side", "service", "state", "status", "version"),
}


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Metric]:
    """What running services show once they have had something to do."""
    folder = tmp_path_factory.mktemp("scraped")
    with (
        running_simulator_process(folder) as simulator_url,
        running_system(folder, simulator_url) as system,
    ):
        _use(system)
        return _scrape(system, until="keypool_keys")


@pytest.fixture(scope="module")
def known(scraped: dict[str, Metric]) -> Known:
    """The samples of what running services show."""
    ours = declared()
    # What has not happened yet has no labels in a scrape.
    shown = [ours.get(name, metric) for name, metric in scraped.items()]
    return {"up": frozenset(), **{name: labels for each in shown for name, labels in each.samples}}


def _use(system: System) -> None:
    """Make calls of several kinds, good and bad."""
    headers = {"authorization": f"Bearer {system.secrets[1]}"}
    chat = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "Hello"}]}
    with httpx.Client(base_url=system.url, headers=headers, timeout=30) as client:
        for extra in ({}, {"stream": True}, {"model": "gemini-none"}):
            client.post("/v1/chat/completions", json=chat | extra)
        client.post("/v1/files", data={"purpose": "user_data"}, files={"file": b"A note."})
        client.get("/v1beta/files")


def _scrape(system: System, until: str) -> dict[str, Metric]:
    """Return what all services show, once one of them has samples of a metric."""
    deadline = time.monotonic() + 30
    while True:
        found: dict[str, Metric] = {}
        for url in system.run_file["ops_urls"].values():
            shown = read_scrape(httpx.get(f"{url}/metrics").text)
            found |= {
                name: each for name, each in shown.items() if each.labels or name not in found
            }
        if found[until].labels:
            return found
        assert time.monotonic() < deadline, f"{until} has no samples"
        time.sleep(0.1)


def test_running_services_show_what_their_code_declares(scraped: dict[str, Metric]) -> None:
    library = ("process_", "python_")
    shown = {name: each.kind for name, each in scraped.items() if not name.startswith(library)}

    assert shown == {name: each.kind for name, each in declared().items()}
    for name, metric in scraped.items():
        assert not metric.labels or name.startswith(library) or metric == declared()[name]


def test_calls_of_several_kinds_were_counted(scraped: dict[str, Metric]) -> None:
    used = {name for name, metric in scraped.items() if metric.labels}

    assert {"edge_requests_total", "edge_tokens_total", "edge_upstream_failures_total"} <= used
    assert {"edge_first_byte_seconds", "edge_upstream_seconds"} <= used
    assert {"grpc_server_handled_total", "files_uploads_ended_total", "keypool_projects"} <= used


def test_metrics_are_named_by_convention_and_their_labels_are_bounded() -> None:
    for name, metric in declared().items():
        assert re.fullmatch(r"(edge|keypool|files|grpc_server|gemini_balance|tls)_[a-z_]+", name)
        assert name.endswith("_total") is (metric.kind == "counter"), name
        assert metric.kind != "histogram" or name.endswith("_seconds"), name
        assert metric.meaning.endswith("."), name
        assert set(metric.labels) <= _BOUNDED, name


def _faults(known: Known, expression: str) -> Iterator[str]:
    """Yield the metrics and labels of a query that no service has."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    groups = re.findall(_LABEL_LISTS, bare)
    metrics = re.findall(r"([a-z_][a-z0-9_]*)(?:\{([^}]*)\})?", re.sub(_LABEL_LISTS, "by", bare))
    # Durations such as 5m and labels inside braces are none.
    found = {name: labels for name, labels in metrics if name not in _WORDS and "_" in name}
    found |= {name: labels for name, labels in metrics if name == "up"}
    if not found:
        yield f"speaks of nothing: {expression}"
    wanted = {each.strip() for group in groups for each in group.split(",") if each.strip()}
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


def test_every_query_is_about_metrics_that_exist(known: Known) -> None:
    queries = {**_alerts(), **panels()}

    assert len(queries) > 40
    faults = {name: list(_faults(known, query)) for name, query in queries.items()}
    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize(
    "query",
    [
        "rate(edge_request_total[5m]) > 0",
        'sum(edge_requests_total{code="500"})',
        "sum by (model) (rate(edge_requests_total[5m]))",
        "sum(rate(edge_requests_total[5m])",
        "edge_request_seconds > 1",
        "max by (pool) (keypool_keys) / on (pod, cluster) max by (pool) (keypool_projects)",
        "1 > 0",
    ],
)
def test_a_query_about_something_else_is_found(known: Known, query: str) -> None:
    assert list(_faults(known, query))


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
    assert re.findall(r'state="([^"]+)"', alerts["ManyKeysAreDead"]) == [KeyState.DEAD.value]


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


def test_the_families_of_rules_are_told() -> None:
    [row] = re.findall(r"^\| `rule` \|(.*)$", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    rules = {rule.verdict.rule_id for rule in ANSWER_RULES} | {UNREACHED.rule_id}

    assert set(re.findall(r"`(\w+)\.\*`", row)) >= {rule.partition(".")[0] for rule in rules}
