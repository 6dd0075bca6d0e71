"""What is known of a call that failed, and with which key it is tried again."""

from dataclasses import replace

from services.files.errors import NoKeyError, UpstreamUnavailableError
from services.files.leases import KeyPool, Lease, Need, Outcome
from services.files.sessions import Reply, UnansweredError
from services.judging import Evidence, Operation, Phase, Retry, Verdict
from services.judging.evidence import MAX_BODY

_FIRST_PAUSE = 0.2


def answered(reply: Reply, operation: Operation) -> Evidence:
    """Return the evidence of an answer."""
    return Evidence(Phase.ANSWERED, operation, reply.status, reply.body[:MAX_BODY])


def unanswered(error: UnansweredError, operation: Operation) -> Evidence:
    """Return the evidence of a call without an answer."""
    return Evidence(Phase.SENT if error.was_sent else Phase.CONNECT, operation)


def need_after(need: Need, lease: Lease, verdict: Verdict, *, is_movable: bool) -> Need:
    """Return what to lease after a failure.

    Args:
        need: What was needed.
        lease: What has failed.
        verdict: What was judged of it.
        is_movable: Whether another project may do as well.
    """
    if not is_movable and verdict.retry is not Retry.OTHER_KEY:
        # Its project is the only one that will do, and its keys are as good as each other.
        return need
    keys = (*need.excluded_keys, lease.key_id)
    if verdict.retry is Retry.OTHER_KEY:
        return replace(need, excluded_keys=keys)
    projects = (*need.excluded_projects, lease.project_id)
    return replace(need, excluded_keys=keys, excluded_projects=projects, project_id="")


def pause_before(attempt: int, *, is_movable: bool) -> float:
    """Return the seconds to wait before an attempt, 1 for the first repeated one.

    Another project is tried at once; the same one needs time to recover.
    """
    return 0.0 if is_movable else _FIRST_PAUSE * 2 ** (attempt - 1)


async def acquire(pool: KeyPool, need: Need) -> Lease:
    """Lease a key; who has tried them all is told why the pool has none, and when it will.

    Raises:
        NoKeyError: There is none now.
        UpstreamUnavailableError: None but those that have just failed.
    """
    try:
        return await pool.acquire(need)
    except NoKeyError as error:
        if error.retry_delay is not None or not (need.excluded_keys or need.excluded_projects):
            raise
    # With exclusions the pool sees no key at all, however soon one of them is free again.
    lease = await pool.acquire(replace(need, excluded_keys=(), excluded_projects=()))
    await pool.settle(lease, Outcome.UNUSED)
    raise UpstreamUnavailableError
