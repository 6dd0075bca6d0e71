"""Calls whose answer is read whole before the client sees any of it."""

from dataclasses import dataclass

from services.edge.calls import Call
from services.edge.envelopes import Headers
from services.edge.errors import AnswerTooLargeError
from services.edge.failover import Attempts
from services.edge.runtime import Runtime
from services.edge.upstream import TooLongError, UpstreamError
from services.edge.usage import find_usage
from services.judging import Phase


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole answer.

    Attributes:
        status: The upstream's.
        headers: The upstream's that may be passed on.
        told: Our own headers about the tries.
        body: As it came, in the names that the client knows.
        project_id: Whose key brought it.
    """

    status: int
    headers: Headers
    told: Headers
    body: bytes
    project_id: str


async def fetch(runtime: Runtime, call: Call, *, limit: int | None = None) -> Whole:
    """Send a call and return its whole answer; a broken answer is tried again.

    Args:
        runtime: The shared parts.
        call: What to send.
        limit: Bytes of the longest answer to hold; by default as the settings say.

    Raises:
        FailedError: No further try is allowed or possible.
        AnswerTooLargeError: The answer is too long to be held.
    """
    attempts = runtime.attempts(call)
    limit = limit or runtime.settings.max_answer_bytes
    while True:
        sent = await attempts.next()
        try:
            body = await sent.answer.read(limit)
        except UpstreamError as error:
            attempts.failed(sent.key, sent.started_at, Phase.SENT, timed_out=error.timed_out)
            continue
        except TooLongError:
            attempts.abandon(sent)
            raise AnswerTooLargeError from None
        except BaseException:
            attempts.abandon(sent)
            raise
        attempts.heard(sent, body)
        attempts.succeeded(sent, find_usage(body))
        return Whole(
            status=sent.answer.status,
            headers=sent.answer.headers,
            told=told(attempts, sent.key.alias),
            body=attempts.in_clients_words(body),
            project_id=sent.key.project_id,
        )


def told(attempts: Attempts, alias: str) -> Headers:
    """Return our own headers about a call that was answered by a key."""
    headers = [(name, value) for name, value in attempts.headers if name != b"x-gemini-balance-key"]
    return [*headers, (b"x-gemini-balance-key", alias.encode("utf-8"))]
