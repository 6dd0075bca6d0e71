"""The metrics of several processes as those of one."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

_GROWING = {"counter", "histogram", "summary"}
# What is the same in all, or true as soon as it is in one.
_NOT_SUMMED = ("_away", "_created", "_info", "_max_fds", "_time_seconds")

Place = tuple[str, tuple[tuple[str, str], ...]]
"""The name and the labels of a sample."""


class MergedMetrics(Collector):
    """Sums of what workers have told last.

    What has ended keeps counting: without it, sums would fall whenever a process ends, and
    whoever watches them would take all the others' counts for new.
    """

    def __init__(self) -> None:
        """Begin with no worker."""
        self._told: dict[int, list[Metric]] = {}
        self._ended: list[Metric] = []

    def take(self, worker: int, text: str) -> None:
        """Note what a worker tells in Prometheus' format."""
        self._told[worker] = list(text_string_to_metric_families(text))

    def end(self, worker: int) -> None:
        """Note that a worker's process has ended."""
        grown = [family for family in self._told.pop(worker, ()) if family.type in _GROWING]
        self._ended = list(_merge([*self._ended, *grown]))

    def collect(self) -> Iterator[Metric]:
        """Yield the sums."""
        told = [family for families in self._told.values() for family in families]
        yield from _merge([*self._ended, *told])

    def render(self) -> bytes:
        """Return the sums in Prometheus' format."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)


def _merge(families: Iterable[Metric]) -> Iterator[Metric]:
    merged: dict[str, Metric] = {}
    values: dict[str, dict[Place, float]] = {}
    for family in families:
        if family.name not in merged:
            merged[family.name] = Metric(family.name, family.documentation, family.type)
            values[family.name] = {}
        sums = values[family.name]
        is_summed = not family.name.endswith(_NOT_SUMMED)
        for sample in family.samples:
            place = (sample.name, tuple(sample.labels.items()))
            before = sums.get(place)
            if before is None:
                sums[place] = sample.value
            else:
                sums[place] = before + sample.value if is_summed else max(before, sample.value)
    for name, metric in merged.items():
        metric.samples = [
            Sample(of, dict(labels), value) for (of, labels), value in values[name].items()
        ]
        yield metric
