"""Every object is one that Kubernetes knows, field by field, in each release we claim."""

import json
from collections.abc import Callable
from typing import Any

import kubernetes_validate
import pytest

from tests.support.kubernetes_schema import UnknownKindError, faults
from tests.support.manifests import RENDERINGS, Object, find, name_of, rendered

RELEASES = ("1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37")
# Kinds of others, whose schemas come with what is installed beside Kubernetes.
_CUSTOM = {"Certificate", "HTTPRoute", "Issuer", "PrometheusRule", "ServiceMonitor"}


def _distinct() -> list[Object]:
    texts = {json.dumps(each, sort_keys=True) for name in RENDERINGS for each in rendered(name)}
    return [json.loads(text) for text in sorted(texts)]


@pytest.mark.parametrize("release", RELEASES)
def test_every_object_fits_the_schema(release: str) -> None:
    unknown, found = set(), {}
    for each in _distinct():
        try:
            found[name_of(each)] = faults(each, release)
        except UnknownKindError:
            unknown.add(each["kind"])

    assert {name: what for name, what in found.items() if what} == {}
    assert unknown == _CUSTOM


def test_the_newest_known_release_is_tried() -> None:
    assert RELEASES[-1] == kubernetes_validate.latest_version().rpartition(".")[0]


_BROKEN: list[tuple[str, str, Callable[[Object], Any]]] = [
    ("Deployment", "edge", lambda each: each["spec"].update(minReadySecond=1)),
    ("Deployment", "edge", lambda each: each["spec"].pop("selector")),
    ("Deployment", "edge", lambda each: each["spec"]["template"]["spec"].pop("containers")),
    ("NetworkPolicy", "keypool", lambda each: each["spec"].update(policytypes=["Ingress"])),
    ("PodDisruptionBudget", "valkey", lambda each: each["spec"].update(maxUnavailible=1)),
    ("StatefulSet", "valkey", lambda each: each["spec"].update(replicas="one")),
]


@pytest.mark.parametrize("release", [RELEASES[0], RELEASES[-1]])
@pytest.mark.parametrize(("kind", "name", "act"), _BROKEN)
def test_a_mistake_is_found(
    kind: str, name: str, act: Callable[[Object], Any], release: str
) -> None:
    broken = find(rendered("production"), kind, name)

    act(broken)

    assert faults(broken, release)
    # The library itself agrees.
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, release, strict=True)
