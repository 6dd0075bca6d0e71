"""Each part is told what it needs and nothing else."""

import json
from pathlib import Path

import pytest

from services.cli import secrets_store
from services.cli.dotenv_file import GivenSettings
from services.cli.layout import choose_layout
from services.cli.parts import Parts
from services.cli.up_settings import UpSettings, read_up_settings
from services.kit.credentials import CredentialBook


def parts_for(folder: Path, **values: str) -> Parts:
    given = GivenSettings(values, frozenset())
    settings = read_up_settings(given, http_port=0, ops_port=None, data_dir=folder)
    return Parts(
        given=given,
        settings=settings,
        layout=choose_layout(settings),
        secrets=secrets_store.load_or_create(folder),
        redis_url="redis://store",
        data_dir=folder,
        log_level="WARNING",
        lock_descriptor=0,
    )


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return parts_for(tmp_path, API_KEYS="k1,k2", MAX_RETRIES="5", ENCRYPTION_KEY_FILE="/kek")


def test_the_edge_never_sees_keys_or_the_store(parts: Parts) -> None:
    env = parts.edge(demo=False).env

    assert env["MAX_RETRIES"] == "5"
    assert env["SERVICE_CREDENTIAL"] == parts.secrets.edge
    assert not {"API_KEYS", "REDIS_URL", "ENCRYPTION_KEY", "SERVICE_CREDENTIALS"} & set(env)
    assert "BASE_URL" not in env


def test_parts_on_one_machine_need_no_certificates(tmp_path: Path) -> None:
    given = dict.fromkeys(("TLS_CERT_FILE", "TLS_KEY_FILE", "TLS_CA_FILE"), "/tls")
    parts = parts_for(tmp_path, SERVICE_IDENTITIES="[]", **given)

    for spec in (parts.edge(demo=False), parts.keypool(demo=False), parts.files(demo=False)):
        assert not {"SERVICE_IDENTITIES", *given} & set(spec.env)


def test_a_demo_points_the_edge_at_the_simulator_whatever_was_given(tmp_path: Path) -> None:
    parts = parts_for(tmp_path, BASE_URL="https://elsewhere.example")

    assert parts.edge(demo=False).env["BASE_URL"] == "https://elsewhere.example"
    assert parts.edge(demo=True).env["BASE_URL"] == f"http://{parts.layout.simulator.local}"


def test_a_demo_keeps_the_key_pool_away_from_google(tmp_path: Path) -> None:
    parts = parts_for(tmp_path, PROXIES="http://proxy.example:3128")

    env = parts.keypool(demo=True).env

    assert env["BASE_URL"] == f"http://{parts.layout.simulator.local}"
    assert env["PROXIES"] == ""
    assert parts.keypool(demo=False).env["PROXIES"] == "http://proxy.example:3128"


def test_the_quota_file_is_found_from_wherever_parts_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    env = parts_for(tmp_path, QUOTA_FILE="quotas.toml").keypool(demo=False).env

    assert env["QUOTA_FILE"] == str(tmp_path / "quotas.toml")


def test_a_given_secret_replaces_the_made_one(parts: Parts) -> None:
    env = parts.keypool(demo=False).env

    assert env["ENCRYPTION_KEY_FILE"] == "/kek"
    assert "ENCRYPTION_KEY" not in env
    assert env["AUTH_TOKEN"] == parts.secrets.auth_token
    assert env["API_KEYS"] == "k1,k2"


def test_only_the_command_gets_admin_power(parts: Parts) -> None:
    book = CredentialBook(parts.keypool(demo=False).env["SERVICE_CREDENTIALS"])
    scopes = {
        name: caller.scopes
        for name in ("edge", "files", "cli")
        if (caller := book.find(getattr(parts.secrets, name)))
    }

    assert scopes == {
        "edge": {"lease", "act-as"},
        "files": {"lease", "act-as"},
        "cli": {"admin", "lease", "act-as"},
    }


def test_other_callers_credentials_are_added_to_ours(tmp_path: Path) -> None:
    row = {"name": "batch", "secret": "0123456789abcdef", "scopes": ["files"]}
    parts = parts_for(tmp_path, SERVICE_CREDENTIALS=json.dumps([row]))

    for spec in (parts.keypool(demo=False), parts.files(demo=False)):
        book = CredentialBook(spec.env["SERVICE_CREDENTIALS"])
        assert book.find("0123456789abcdef") is not None
        assert book.find(parts.secrets.edge) is not None


class TestStoreOfBytes:
    def test_is_a_folder_below_the_data_folder(self, tmp_path: Path) -> None:
        env = parts_for(tmp_path).files(demo=False).env

        assert env["FILES_STORE_URL"] == (tmp_path / "kept").as_uri()

    def test_is_what_the_operator_gave_with_the_credentials_of_its_cloud(
        self, tmp_path: Path
    ) -> None:
        parts = parts_for(tmp_path, FILES_STORE_URL="s3://bucket", AWS_REGION="eu-west-1")

        env = parts.files(demo=False).env
        assert (env["FILES_STORE_URL"], env["AWS_REGION"]) == ("s3://bucket", "eu-west-1")
        assert "AWS_REGION" not in parts.edge(demo=False).env

    def test_is_none_in_a_pod_unless_one_is_given(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")

        env = parts_for(tmp_path).files(demo=False).env
        assert "FILES_STORE_URL" not in env
        # The service refuses a folder there, and can only do so when it knows.
        assert env["KUBERNETES_SERVICE_HOST"] == "10.0.0.1"


def test_everything_together_stops_within_ten_seconds(parts: Parts) -> None:
    specs = [
        parts.keypool(demo=False),
        parts.files(demo=False),
        parts.simulator(),
        parts.edge(demo=True),
    ]

    # The store, which ends last, may take 1.5 s.
    assert sum(spec.stop_seconds for spec in specs) + 1.5 <= 10


def test_a_longer_drain_is_the_operators_choice(tmp_path: Path) -> None:
    spec = parts_for(tmp_path, DRAIN_SECONDS="60").edge(demo=False)

    assert spec.env["DRAIN_SECONDS"] == "60"
    assert spec.stop_seconds > 60


def test_neighbours_are_not_reached_through_a_proxy(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "intranet")
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("SOMETHING_ELSE", "x")

    env = parts.edge(demo=False).env

    assert env["no_proxy"] == "intranet,127.0.0.1,localhost,::1"
    assert env["https_proxy"] == "http://proxy:3128"
    assert "SOMETHING_ELSE" not in env


def test_secrets_do_not_show(parts: Parts) -> None:
    shown = repr((parts, parts.keypool(demo=False), parts.edge(demo=False)))

    assert not [text for text in (parts.secrets.edge, "k1,k2", "redis://store") if text in shown]


def test_settings_have_their_defaults() -> None:
    settings = UpSettings()

    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 8000)
    assert settings.data_dir == Path(".data")
