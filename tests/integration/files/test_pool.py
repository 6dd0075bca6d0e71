"""What the key pool refuses is an error that a caller may be told."""

from datetime import timedelta

import pytest

from services.files.errors import KeypoolRefusedError
from services.files.leases import Need, Outcome
from services.files.pool import GrpcKeyPool
from services.judging import Evidence, Operation, Phase
from services.judging.evidence import MAX_BODY
from tests.support import keypool


async def test_a_call_that_breaks_the_contract_is_told_as_such(redis_url: str) -> None:
    async with keypool.running_keypool(redis_url) as running:
        await running.add_keys(*keypool.secrets_of(1))
        pool = GrpcKeyPool(
            running.target, keypool.CREDENTIALS["edge"][0], lifetime=timedelta(seconds=60)
        )
        lease = await pool.acquire(Need("default", "ada", Operation.SESSION))
        evidence = Evidence(Phase.ANSWERED, Operation.SESSION, 400, b"x" * (MAX_BODY + 1))

        with pytest.raises(KeypoolRefusedError) as failure:
            await pool.settle(lease, Outcome.FAILED, evidence=evidence)

        assert failure.value.metadata["code"] == "INVALID_ARGUMENT"
        await pool.close()
