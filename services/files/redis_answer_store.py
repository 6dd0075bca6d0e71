"""Answers in Redis, sealed. They stand there under digests of their names and owners."""

import hashlib
from datetime import datetime, timedelta

from services.files.errors import AnswersFullError, AnswerUnknownError
from services.files.file_book import Reader
from services.files.redis_keys import owner_id
from services.files.redis_scripts import load_script, run_of
from services.kit.redis_scripts import RedisPort, from_ms, to_ms
from services.kit.vault import UnreadableError, Vault

_PUT = load_script("answer_counts", "put_answer")
_READ = load_script("read_answer")
_DROP = load_script("answer_counts", "drop_answer")


class RedisAnswerStore:
    """See `AnswerStore`."""

    def __init__(
        self,
        port: RedisPort,
        vault: Vault,
        *,
        lives: timedelta,
        max_bytes: int,
        client_bytes: int,
    ) -> None:
        """Work over a port.

        Args:
            port: The way to Redis.
            vault: Seals the answers.
            lives: How long they are kept at most.
            max_bytes: The most bytes of all of them.
            client_bytes: The most bytes of those of one client.
        """
        self._port = port
        self._vault = vault
        self._lives = to_ms(lives)
        self._bounds = (max_bytes, client_bytes)

    async def put(self, owner: Reader, answer_id: str, content: bytes) -> datetime:
        """See `AnswerStore.put`."""
        answer = _digest(owner, answer_id)
        sealed = self._vault.seal_bytes(content, f"answer:{answer}")
        whose = owner_id(owner.pool, owner.client_id)
        [ends] = await self._port.run(
            run_of(_PUT, answer, whose, sealed, self._lives, *self._bounds)
        )
        if not ends:
            raise AnswersFullError
        return from_ms(ends)

    async def get(self, owner: Reader, answer_id: str) -> bytes:
        """See `AnswerStore.get`."""
        answer = _digest(owner, answer_id)
        [sealed] = await self._port.run(run_of(_READ, answer))
        if not sealed:
            raise AnswerUnknownError
        try:
            return self._vault.unseal_bytes(sealed, f"answer:{answer}")
        except UnreadableError:
            # Kept under an encryption key that is gone.
            raise AnswerUnknownError from None

    async def delete(self, owner: Reader, answer_id: str) -> None:
        """See `AnswerStore.delete`."""
        [dropped] = await self._port.run(run_of(_DROP, _digest(owner, answer_id)))
        if not dropped:
            raise AnswerUnknownError


def _digest(owner: Reader, answer_id: str) -> str:
    whole = f"{owner_id(owner.pool, owner.client_id)}/{answer_id}"
    return hashlib.sha256(whole.encode()).hexdigest()
