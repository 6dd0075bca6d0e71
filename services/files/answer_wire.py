"""The contract of answers on the wire."""

import re

from services.files.answers import LARGEST_ANSWER
from services.files.errors import AnswerTooLargeError
from services.kit.errors import InvalidRequestError

_ID = re.compile(r"[A-Za-z0-9_\-]{1,128}")


def read_answer_id(text: str) -> str:
    """Return how a client names an answer.

    Raises:
        InvalidRequestError: It cannot.
    """
    if not _ID.fullmatch(text):
        raise InvalidRequestError(
            "answer_id", "must be 1 to 128 letters, digits, dashes and underscores"
        )
    return text


def read_content(content: bytes) -> bytes:
    """Return what is to be kept.

    Raises:
        InvalidRequestError: It is nothing.
        AnswerTooLargeError: It is too long.
    """
    if not content:
        raise InvalidRequestError("content", "must not be empty")
    if len(content) > LARGEST_ANSWER:
        raise AnswerTooLargeError(LARGEST_ANSWER)
    return content
