"""What clients are told when every try of theirs has failed."""

import orjson
import pytest

from services.edge.dialects import Dialect
from services.edge.refusals import Failure, given_up
from services.judging import Evidence, Operation, Phase, judge
from tests.support.edge_in_memory import KEY


@pytest.mark.parametrize("dialect", Dialect)
def test_an_upstream_out_of_reach_is_no_matter_of_keys(dialect: Dialect) -> None:
    evidence = Evidence(Phase.CONNECT, Operation.GENERATE)

    error = given_up(Failure(KEY, evidence, judge(evidence)), None, dialect, "default")

    assert error.status == 503
    assert (b"retry-after", b"1") in error.headers
    assert "cannot be reached" in orjson.loads(error.body)["error"]["message"]
