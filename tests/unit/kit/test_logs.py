"""What logs must never tell."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from services.kit.logs import configure_logs, get_logger


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def fail(words: str) -> None:
    prompt = words.upper()
    raise RuntimeError(f"failed after {len(prompt)} letters")


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("by_library", [True, False])
def test_errors_do_not_tell_the_variables_of_their_frames(
    capsys: pytest.CaptureFixture[str], as_json: bool, by_library: bool
) -> None:
    configure_logs("edge", as_json=as_json)
    logger = logging.getLogger("library") if by_library else get_logger(f"test.{as_json}")
    words = "what a client wrote"
    try:
        fail(words)
    except RuntimeError:
        logger.exception("unexpected error")

    told = capsys.readouterr().err
    assert "failed after 19 letters" in told
    assert "in fail" in told or '"name": "fail"' in told
    assert words not in told
    assert words.upper() not in told
