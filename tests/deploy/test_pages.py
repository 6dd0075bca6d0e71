"""What the pages about operation tell people to type is what works."""

import os
import re
from pathlib import Path

from tests.support.manifests import (
    K8S,
    NAMESPACE,
    ROOT,
    containers,
    find,
    kustomize,
    of_kind,
    parse,
    rendered,
    service_of,
    workloads,
)

_PAGE = (ROOT / "docs/deploy-kubernetes.md").read_text()
_RUNBOOK = (ROOT / "docs/runbook.md").read_text()


def test_the_overlay_of_the_page_renders_as_it_says(tmp_path: Path) -> None:
    [block] = re.findall(r"```yaml\n +# kustomization\.yaml\n(.*?)```", _PAGE, re.DOTALL)
    place = os.path.relpath(K8S, tmp_path.resolve())
    text = re.sub(r"^   ", "", block, flags=re.MULTILINE)
    text = text.replace("gemini-balance/deploy/k8s", place)
    (tmp_path / "kustomization.yaml").write_text(text)

    objects = parse(kustomize(tmp_path))

    images = {containers(each)[0]["image"] for each in workloads(objects) if service_of(each)}
    assert images == {"registry.example.com/gemini-balance:0.1.0"}
    assert find(objects, "ConfigMap", "edge-settings")["data"]["PUBLIC_URL"]
    route = find(objects, "HTTPRoute", "edge")
    assert route["spec"]["hostnames"] == ["ai.example.com"]
    assert route["spec"]["parentRefs"] == [{"name": "my-gateway", "namespace": "my-gateway"}]
    assert len(of_kind(objects, "PrometheusRule")) == 1


def test_the_rendered_file_takes_another_image_by_the_command_of_the_page() -> None:
    [old, new] = re.findall(r"sed 's#(.*?)#(.*?)#' deploy/k8s/gemini-balance\.yaml", _PAGE)[0]
    text = (K8S / "gemini-balance.yaml").read_text().replace(old, new)
    objects = parse(text)

    images = {containers(each)[0]["image"] for each in workloads(objects) if service_of(each)}
    assert images == {"registry.example.com/gemini-balance:0.1.0"}
    assert objects[0]["kind"] == "Namespace"


def test_every_component_is_told_of() -> None:
    told = set(re.findall(r"^\| (`.*?) \|", _PAGE, re.MULTILINE))
    names = {name for cell in told for name in re.findall(r"`([a-z-]+)`", cell)}

    assert {each.name for each in (K8S / "components").iterdir()} - names == {"restricted-pods"}


def test_the_token_of_the_demo_is_the_one_that_is_told() -> None:
    [told] = set(re.findall(r"Bearer (sk-[\w-]+)", _PAGE))

    assert f"ALLOWED_TOKENS={told}" in (K8S / "overlays/demo/kustomization.yaml").read_text()


def test_commands_and_things_that_are_named_exist() -> None:
    page = (ROOT / "docs/commands.md").read_text()
    commands = set(re.findall(r"^### `gemini-balance ([a-z |]+)`", page, re.MULTILINE))
    named = set(
        re.findall(r"`gb ((?:keys|tokens|egress|projects|quotas) [a-z]+|explain|usage)", _RUNBOOK)
    )
    things = {
        f"{each['kind'].lower()}/{each['metadata']['name']}" for each in rendered("production")
    }

    assert len(named) > 5
    assert named <= commands
    for text in (_PAGE, _RUNBOOK):
        for thing in re.findall(r"\b((?:deployment|statefulset|service)/[a-z-]+)", text):
            assert thing in things, thing


def test_no_gateway_cuts_a_stream() -> None:
    [route] = of_kind(rendered("everything"), "HTTPRoute")

    for rule in route["spec"]["rules"]:
        assert rule["timeouts"] == {"request": "0s", "backendRequest": "0s"}
    assert route["metadata"]["namespace"] == NAMESPACE


def test_links_between_pages_lead_somewhere() -> None:
    for name, text in (("deploy-kubernetes.md", _PAGE), ("runbook.md", _RUNBOOK)):
        for page, anchor in re.findall(r"\]\(([\w-]+\.md)?(?:#([\w-]+))?\)", text):
            target = (ROOT / "docs" / (page or name)).read_text()
            titles = re.findall(r"^#+ (.+)$", target, re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in titles}
            assert not anchor or anchor in anchors, (name, page, anchor)
