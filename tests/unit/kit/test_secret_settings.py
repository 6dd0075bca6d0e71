"""Secrets of settings: from files, and those that only the demo may use."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from services.edge.settings import EdgeSettings
from services.keypool.settings import KeypoolSettings
from services.kit.settings import SecretFileError, explain_validation_error

_REAL = "a-credential-of-our-own"
_DEMO = "demo-only-credential-of-the-edge"


@pytest.fixture(autouse=True)
def _nothing_else_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEYPOOL_TARGET", "dns:///keypool:50051")


def test_a_secret_comes_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "credential"
    path.write_text(f"{_REAL}\n")
    monkeypatch.setenv("SERVICE_CREDENTIAL_FILE", str(path))

    assert EdgeSettings().service_credential.get_secret_value() == _REAL


def test_an_empty_file_sets_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_text("\n")
    monkeypatch.setenv("REDIS_URL", "redis://valkey:6379/0")
    monkeypatch.setenv("ENCRYPTION_KEY", "sixteen-characters-and-more")
    monkeypatch.setenv("SERVICE_CREDENTIALS", "[]")
    for name in ("API_KEYS", "ALLOWED_TOKENS", "AUTH_TOKEN", "OLD_ENCRYPTION_KEYS", "PROXIES"):
        monkeypatch.setenv(f"{name}_FILE", str(path))

    settings = KeypoolSettings()

    assert settings.auth_token is None
    assert not any(settings.seed.keys.values())
    assert not settings.seed.tokens


def test_a_missing_file_is_no_empty_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SERVICE_CREDENTIAL_FILE", str(tmp_path / "none"))

    with pytest.raises(SecretFileError, match="SERVICE_CREDENTIAL_FILE"):
        EdgeSettings()


@pytest.mark.parametrize(
    "upstream",
    [
        "https://generativelanguage.googleapis.com",
        "https://simulator.example.com",
        "http://gateway.example.com",
        "http://not-a-simulator:8080",
    ],
)
def test_a_demo_secret_is_refused_elsewhere(monkeypatch: pytest.MonkeyPatch, upstream: str) -> None:
    monkeypatch.setenv("BASE_URL", upstream)
    monkeypatch.setenv("SERVICE_CREDENTIAL", _DEMO)

    with pytest.raises(ValidationError) as caught:
        EdgeSettings()

    [line] = explain_validation_error(caught.value)
    assert "SERVICE_CREDENTIAL holds a secret of the demo" in line
    assert _DEMO not in line


def test_a_demo_token_in_a_list_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://valkey:6379/0")
    monkeypatch.setenv("ENCRYPTION_KEY", "sixteen-characters-and-more")
    monkeypatch.setenv("SERVICE_CREDENTIALS", "[]")
    monkeypatch.setenv("ALLOWED_TOKENS", "sk-of-a-team,sk-demo-only-token")

    with pytest.raises(ValidationError, match="ALLOWED_TOKENS holds a secret of the demo"):
        KeypoolSettings()


@pytest.mark.parametrize(
    "upstream", ["http://simulator:8080", "http://simulator.gemini-balance.svc.cluster.local:8080"]
)
def test_the_simulator_may_have_demo_secrets(
    monkeypatch: pytest.MonkeyPatch, upstream: str
) -> None:
    monkeypatch.setenv("BASE_URL", upstream)
    monkeypatch.setenv("SERVICE_CREDENTIAL", _DEMO)

    assert EdgeSettings().base_url == upstream
