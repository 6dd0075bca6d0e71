"""Settings that may change while a service runs are read when they are needed, and told of."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.edge.settings import EdgeSettings
from services.files.settings import FilesSettings
from services.keypool.settings import KeypoolSettings
from services.kit.settings import ServiceSettings

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/deploy-kubernetes.md").read_text()
TYPES: dict[str, type[ServiceSettings]] = {
    "edge": EdgeSettings,
    "keypool": KeypoolSettings,
    "files": FilesSettings,
}
# What a change is told to, one by one.
TOLD = ServiceSettings.LIVE | {"service_credential"}


def kept(source: str) -> Iterator[str]:
    """Yield live settings of the edge that are read before they are needed."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            for each in ast.walk(node):
                if (
                    isinstance(each, ast.Attribute)
                    and ast.unparse(each.value).endswith("settings")
                    and each.attr in EdgeSettings.LIVE - TOLD
                ):
                    yield f"{each.lineno}: {each.attr}"


# Of these nothing is kept: all of them are made anew with every change.
MADE_ANEW = ROOT / "services/edge/models"
PARTS = [
    path for path in sorted((ROOT / "services/edge").rglob("*.py")) if MADE_ANEW not in path.parents
]


@pytest.mark.parametrize("path", PARTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_part_of_the_edge_keeps_one(path: Path) -> None:
    assert list(kept(path.read_text())) == []


def test_one_that_is_kept_is_found() -> None:
    source = "def __init__(self, runtime): self._limit = runtime.settings.max_body_bytes"

    assert list(kept(source)) == ["1: max_body_bytes"]


@pytest.mark.parametrize("service", TYPES)
def test_they_are_settings_and_told_of(service: str) -> None:
    live = TYPES[service].LIVE

    assert live <= set(TYPES[service].model_fields)
    [row] = re.findall(rf"^\| {service} \| (`[A-Z].*) \|$", PAGE, re.MULTILINE)
    assert {name.lower() for name in re.findall(r"`([A-Z_]+)`", row)} == live
