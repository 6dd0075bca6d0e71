"""Traces are made where they are asked for, and cost nothing elsewhere."""

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from services.kit.settings import UnusableSettingError
from services.kit.trace_settings import asks_for_traces

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
_MODULES = (
    *("services.kit.spans", "services.edge.traced", "services.files.google.traced"),
    *("opentelemetry.sdk.trace", "opentelemetry.exporter"),
)
PROGRAM = f"""
import sys
import services.edge.server, services.keypool.server, services.files.server
from services.kit import tracing
from services.kit.trace_settings import trace_if_asked

trace_if_asked("edge")
if tracing.is_tracing():
    from services.kit.spans.carrying import tracer
    tracer().start_span("a").end()
tracing.stop_tracing()
print(*(name for name in sys.modules if name.startswith({_MODULES})))
"""


def imported(environment: Mapping[str, str]) -> set[str]:
    """Return what of tracing a process imports that starts with an environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_nothing_is_imported_without_being_asked_for() -> None:
    assert imported({}) == set()
    assert imported(ENDPOINT | {"OTEL_SDK_DISABLED": "true"}) == set()


def test_a_collector_that_is_away_keeps_nobody_from_ending() -> None:
    # Nobody listens on the port of "discard".
    found = imported({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})

    assert "services.kit.spans.exporting" in found


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, False),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "TRUE"}, False),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "false"}, True),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True),
        ({"OTEL_SERVICE_NAME": "edge"}, False),
    ],
)
def test_traces_are_asked_for_by_the_standard_variables(
    environment: dict[str, str], expected: bool
) -> None:
    assert asks_for_traces(environment) is expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
    ],
)
def test_what_there_is_not_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(UnusableSettingError, match=name):
        asks_for_traces(ENDPOINT | {name: value})


def test_a_service_ends_with_a_line_when_a_variable_cannot_be_used() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.edge"],
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("OTEL_")},
            **ENDPOINT,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "KEYPOOL_TARGET": "127.0.0.1:1",
            "SERVICE_CREDENTIAL": "edge-credential-0123456789",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 2
    assert "OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf" in done.stderr
