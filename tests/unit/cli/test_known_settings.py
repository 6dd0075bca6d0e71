"""What becomes of each setting, and that the table tells the truth."""

import importlib

import pytest

from services.cli.known_settings import (
    KNOWN,
    Fate,
    Part,
    names_read_by,
    warn_of_unknown,
    warn_of_unused,
)
from services.kit.settings import ServiceSettings

# The `.env` of an older installation, by its names.
_INSTALLED_BASE = """
    ALLOWED_TOKENS API_KEYS AUTH_TOKEN AUTO_DELETE_ERROR_LOGS_DAYS BASE_URL CHECK_INTERVAL_HOURS
    CREATE_IMAGE_MODEL CUSTOM_HEADERS DATABASE_TYPE FAKE_STREAM_ENABLED FILES_CLEANUP_ENABLED
    FILTERED_MODELS IMAGE_MODELS LOG_LEVEL MAX_FAILURES MAX_RETRIES MYSQL_HOST PAID_KEY PROXIES
    PROXIES_USE_CONSISTENCY_HASH_BY_API_KEY SAFETY_SETTINGS SEARCH_MODELS SHOW_SEARCH_LINK
    SMMS_SECRET_TOKEN SQLITE_DATABASE STREAM_OPTIMIZER_ENABLED TEST_MODEL THINKING_BUDGET_MAP
    THINKING_MODELS TIMEZONE TIME_OUT TOOLS_CODE_EXECUTION_ENABLED TTS_MODEL UPLOAD_PROVIDER
    URL_CONTEXT_ENABLED VERTEX_API_KEYS VERTEX_EXPRESS_BASE_URL
""".split()  # noqa: SIM905  # one name a line would bury the tests


def test_every_name_of_the_installed_base_is_known() -> None:
    assert set(_INSTALLED_BASE) <= set(KNOWN)
    assert warn_of_unknown(_INSTALLED_BASE) is None


@pytest.mark.parametrize("part", [Part.EDGE, Part.KEYPOOL, Part.FILES, Part.SIMULATOR])
def test_the_table_lists_exactly_what_each_service_reads(part: Part) -> None:
    module = importlib.import_module(f"services.{part.value}.settings")
    [settings_type] = [
        found
        for found in vars(module).values()
        if isinstance(found, type)
        and issubclass(found, ServiceSettings)
        and found.__module__ == module.__name__
    ]

    assert names_read_by(part) == {field.upper() for field in settings_type.model_fields}


def test_used_settings_have_readers_and_others_none() -> None:
    for name, known in KNOWN.items():
        assert bool(known.readers) == (known.fate is Fate.USED), name


def test_one_line_names_all_settings_without_effect() -> None:
    line = warn_of_unused(["TIMEZONE", "API_KEYS", "PAID_KEY", "MAX_FAILURES", "PATH"])

    assert line == "settings without effect: not needed any more: MAX_FAILURES, TIMEZONE"


def test_one_line_names_all_unknown_settings_and_what_may_be_meant() -> None:
    line = warn_of_unknown(["API_KEY", "HTTP_PORT", "AUTH_TOKEN_FILE", "QWERTY", "OTEL_SDK"])

    assert line == "unknown settings in .env: API_KEY (did you mean API_KEYS?), QWERTY"


def test_nothing_to_warn_of_is_no_line() -> None:
    assert warn_of_unused(["API_KEYS"]) is None
    assert warn_of_unknown(["API_KEYS"]) is None
