"""Every rendering keeps every rule, and every rule can tell when it is broken."""

import copy

import pytest

from tests.deploy.breakages import BREAKAGES, Breakage
from tests.deploy.mounted_breakages import MOUNTED_BREAKAGES
from tests.deploy.rules import RULES
from tests.support.manifests import K8S, RENDERINGS, rendered

ALL_BREAKAGES = (*BREAKAGES, *MOUNTED_BREAKAGES)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("rendering", RENDERINGS)
def test_a_rendering_keeps_a_rule(rendering: str, rule: str) -> None:
    assert list(RULES[rule](rendered(rendering))) == []


@pytest.mark.parametrize("breakage", ALL_BREAKAGES, ids=lambda each: f"{each.rule}:{each.name}")
def test_a_broken_manifest_breaks_its_rule(breakage: Breakage) -> None:
    objects = rendered(breakage.rendering)
    before = copy.deepcopy(objects)

    breakage.act(objects)

    assert objects != before
    assert list(RULES[breakage.rule](objects)) != []


def test_every_rule_has_been_seen_to_fail() -> None:
    assert {breakage.rule for breakage in ALL_BREAKAGES} == set(RULES)


def test_every_component_and_overlay_is_rendered() -> None:
    used = {each for _, components in RENDERINGS.values() for each in components}
    # external-redis is a part of the two that follow it; restricted-pods of every service.
    there = {each.parent.name for each in K8S.glob("components/*/kustomization.yaml")}

    assert there - used == {"restricted-pods"}
    assert {each.name for each in (K8S / "overlays").iterdir()} == {
        overlay for overlay, _ in RENDERINGS.values()
    }
