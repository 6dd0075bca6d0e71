"""Answers of models, kept for a while for the clients that they were given to."""

from datetime import datetime
from typing import Protocol

from services.files.file_book import Reader

LARGEST_ANSWER = 3 * 1024 * 1024
"""A message of gRPC holds 4 MiB."""


class AnswerStore(Protocol):
    """Keeps answers until their time is over, or younger ones need their room.

    All methods raise `StoreUnavailableError`. Whoever asks for another's answer cannot tell
    that there is one.
    """

    async def put(self, owner: Reader, answer_id: str, content: bytes) -> datetime:
        """Keep an answer in place of an earlier one of this name; return when it ends.

        Raises:
            AnswersFullError: There is no room for it at all.
        """

    async def get(self, owner: Reader, answer_id: str) -> bytes:
        """Return an answer.

        Raises:
            AnswerUnknownError: There is none.
        """

    async def delete(self, owner: Reader, answer_id: str) -> None:
        """Forget an answer.

        Raises:
            AnswerUnknownError: There is none.
        """
