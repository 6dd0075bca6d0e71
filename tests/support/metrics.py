"""The metrics of the services: as their code declares them, and as a scrape shows them."""

import functools
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

SERVICES = ("edge", "keypool", "files")

_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: As queries name it; for histograms without `_bucket` and its like.
        kind: `counter`, `gauge` or `histogram`.
        labels: The names of its labels, in order.
        meaning: Its help.
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str

    @property
    def samples(self) -> Iterator[tuple[str, frozenset[str]]]:
        """Yield what can stand in a query, each with its labels."""
        base = self.name.removesuffix("_total") if self.kind == "counter" else self.name
        for suffix in _SUFFIXES.get(self.kind, ("",)):
            extra = ("le",) if suffix == "_bucket" else ()
            yield f"{base}{suffix}", frozenset((*self.labels, *extra))


@functools.cache
def declared() -> Mapping[str, Metric]:
    """Return our own metrics by their names, as the code of the services declares them."""
    for service in SERVICES:
        importlib.import_module(f"services.{service}.server")
    importlib.import_module("services.kit.process")
    found = {}
    for collector in set(REGISTRY._collector_to_names):
        if isinstance(collector, MetricWrapperBase):
            [family] = collector.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = tuple(sorted(collector._labelnames))
            found[name] = Metric(name, family.type, labels, family.documentation)
    return dict(sorted(found.items()))


def read_scrape(text: str) -> dict[str, Metric]:
    """Return the metrics of an answer of /metrics; labels as far as there are samples."""
    found = {}
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        found[name] = Metric(name, family.type, tuple(sorted(labels)), family.documentation)
    # The library tells of each counter and histogram when it was made, in a family of its own.
    return {
        name: metric
        for name, metric in found.items()
        if not (name.endswith("_created") and metric.kind == "gauge")
    }


def of_service(service: str) -> list[Metric]:
    """Return the declared metrics of one service alone, or with `all` those of every one."""
    own = tuple(f"{name}_" for name in SERVICES)
    prefix: str | tuple[str, ...] = f"{service}_"
    return [
        metric
        for name, metric in declared().items()
        if (name.startswith(prefix) if service != "all" else not name.startswith(own))
    ]
