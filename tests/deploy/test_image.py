"""The image and the composition of containers, as far as they can be judged without building."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.new_secrets import new_secrets
from services.cli.known_settings import without_file_suffix
from services.kit.credentials import CredentialBook
from tests.deploy.rules.settings import known_names, load_settings, secret_names
from tests.support.manifests import DEPLOY, ROOT, containers, find, pod_spec, rendered

_DOCKERFILE = (DEPLOY / "docker/Dockerfile").read_text()
_SERVICES = ("edge", "keypool", "files")


def _composed() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "docker/compose.yaml").read_text())
    return found


def _stage(name: str) -> str:
    [text] = [
        part
        for part in re.split(r"^FROM ", _DOCKERFILE, flags=re.MULTILINE)
        if f" AS {name}\n" in part
    ]
    return text


def test_the_image_runs_as_the_user_of_the_pods() -> None:
    [user] = re.findall(r"^USER (\d+):\1$", _stage("image"), re.MULTILINE)

    context = pod_spec(find(rendered("production"), "Deployment", "edge"))["securityContext"]
    assert int(user) == context["runAsUser"]


def test_the_first_process_is_the_program_itself() -> None:
    # A shell in between would keep SIGTERM to itself.
    for line in re.findall(r"^(?:ENTRYPOINT|CMD|RUN) (.*)$", _DOCKERFILE, re.MULTILINE):
        assert line.startswith("["), line


def test_everything_installed_is_pinned_by_hash() -> None:
    # Docker joins lines that end so.
    joined = _DOCKERFILE.replace("\\\n", "")
    installs = re.findall(r"^RUN .*\"install\".*$", joined, re.MULTILINE)

    assert len(installs) == 3
    for line in installs:
        assert "--no-deps" in line
        assert "--require-hashes" in line or line.endswith('"."]')


def test_the_image_says_what_it_is() -> None:
    labels = dict(re.findall(r"org\.opencontainers\.image\.(\w+)=\"([^\"]*)\"", _stage("image")))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert labels["licenses"] == project["license"]
    assert labels["description"] == project["description"]
    assert labels.keys() >= {"title", "version", "revision"}
    assert f"ARG VERSION={project['version']}\n" in _stage("image")
    assert "--from=build" in _stage("image")


def test_only_named_things_go_into_the_image() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", _DOCKERFILE, re.MULTILINE)

    assert lines[1] == "*"
    assert {name for line in copied for name in line.split()} == {
        line.removeprefix("!") for line in lines if line.startswith("!")
    }


@pytest.mark.parametrize("service", _SERVICES)
def test_a_composed_service_reads_and_accepts_its_settings(service: str) -> None:
    part = _composed()["services"][service]
    secrets = new_secrets("valkey")[service]
    files = {f"/run/secrets/gemini-balance/{name}": text for name, text in secrets.items()}

    load_settings(service, part["environment"], files)

    assert part["volumes"] == [f"../../secrets/{service}:/run/secrets/gemini-balance:ro"]
    for name, value in part["environment"].items():
        assert without_file_suffix(name) in known_names(service)
        assert name not in secret_names(service)
        assert not name.endswith("_FILE") or value in files


@pytest.mark.parametrize("service", _SERVICES)
def test_a_composed_service_runs_as_in_a_cluster(service: str) -> None:
    part = _composed()["services"][service]
    [container] = containers(find(rendered("production"), "Deployment", service))

    assert part["entrypoint"] == container["command"]
    assert part["image"] == f"${{IMAGE:-{container['image']}}}"
    assert part["read_only"] is True
    assert part["cap_drop"] == ["ALL"]
    drain = int(part["environment"]["DRAIN_SECONDS"])
    assert int(part["stop_grace_period"].removesuffix("s")) > drain + 10


def test_the_composed_store_is_that_of_the_cluster() -> None:
    composed = _composed()["services"]
    [container] = containers(find(rendered("production"), "StatefulSet", "valkey"))

    assert composed["valkey"]["image"] == container["image"]
    assert composed["valkey"]["command"] == container["command"]
    assert composed["valkey"]["networks"] == ["inside"]
    assert _composed()["networks"]["inside"]["internal"] is True


class TestNewSecrets:
    def test_services_of_one_set_let_each_other_in(self) -> None:
        made = new_secrets("valkey")

        for callee, callers in (("keypool", ("edge", "files")), ("files", ("edge",))):
            book = CredentialBook(made[callee]["SERVICE_CREDENTIALS"])
            for caller in callers:
                holder = book.find(made[caller]["SERVICE_CREDENTIAL"])
                assert holder is not None
                assert holder.name == caller
                assert "admin" not in holder.scopes
        cli = CredentialBook(made["keypool"]["SERVICE_CREDENTIALS"]).find(
            made["keypool"]["CLI_CREDENTIAL"]
        )
        assert cli is not None
        assert cli.scopes == {"admin", "lease"}

    def test_no_two_sets_share_a_secret(self) -> None:
        one, two = new_secrets("valkey"), new_secrets("valkey")
        texts = [
            {text for files in each.values() for text in files.values() if text}
            for each in (one, two)
        ]

        assert not texts[0] & texts[1]

    def test_the_store_is_not_told_the_password(self) -> None:
        made = new_secrets("valkey")
        [password] = re.findall(r"://gemini-balance:([^@]+)@", made["keypool"]["REDIS_URL"])

        assert password not in made["valkey"]["users.acl"]
        assert made["files"]["REDIS_URL"] == made["keypool"]["REDIS_URL"]

    def test_the_folder_is_private_and_never_written_twice(self, tmp_path: Path) -> None:
        command = [sys.executable, str(DEPLOY / "new_secrets.py"), str(tmp_path / "secrets")]

        first = subprocess.run(command, capture_output=True, text=True, check=False)
        before = (tmp_path / "secrets/keypool/ENCRYPTION_KEY").read_text()
        second = subprocess.run(command, capture_output=True, text=True, check=False)

        assert (first.returncode, second.returncode) == (0, 1)
        assert (tmp_path / "secrets/keypool/ENCRYPTION_KEY").read_text() == before
        assert before not in first.stdout + first.stderr
        assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
        assert os.access(tmp_path / "secrets/edge/SERVICE_CREDENTIAL", os.R_OK)
