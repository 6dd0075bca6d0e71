"""Pods make traces where the component is, send them where a policy lets them, and nowhere else."""

from urllib.parse import urlsplit

import pytest
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased, _get_from_env_or_default

from services.kit.trace_settings import asks_for_traces
from tests.deploy.rules.settings import plain_environment
from tests.support.manifests import Objects, containers, find, rendered, service_of, workloads


def environments(objects: Objects) -> dict[str, dict[str, str]]:
    """Return the environment of each service."""
    return {
        str(service_of(each)): plain_environment(objects, containers(each)[0])
        for each in workloads(objects)
        if service_of(each)
    }


def test_all_services_send_traces_to_one_collector_that_they_may_reach() -> None:
    objects = rendered("everything")
    found = environments(objects)

    assert set(found) == {"edge", "keypool", "files"}
    assert all(asks_for_traces(each) for each in found.values())
    [endpoint] = {each["OTEL_EXPORTER_OTLP_ENDPOINT"] for each in found.values()}
    [rule] = find(objects, "NetworkPolicy", "traces")["spec"]["egress"]
    [peer], [port] = rule["to"], rule["ports"]
    namespace = peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
    assert urlsplit(endpoint).port == port["port"]
    assert f".{namespace}.svc." in str(urlsplit(endpoint).hostname)


def test_services_sample_alike_and_by_the_trace_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    samplers = []
    for environment in environments(rendered("everything")).values():
        for name, value in environment.items():
            if name.startswith("OTEL_"):
                monkeypatch.setenv(name, value)
        samplers.append(_get_from_env_or_default())

    assert all(type(each) is TraceIdRatioBased for each in samplers)
    assert len({each.get_description() for each in samplers}) == 1


def test_production_makes_no_traces() -> None:
    found = environments(rendered("production"))

    assert not any(asks_for_traces(each) for each in found.values())
