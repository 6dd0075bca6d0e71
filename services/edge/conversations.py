"""Which project begun conversations were served by, until the key pool knows it itself.

A request of a short conversation takes any lease from the stock. When its answer holds
what is to be sent back, and is good only at the account that made it, the next request of
the conversation goes there; from then on the key pool remembers it (see affinity.py).
"""

from collections import OrderedDict

import orjson

from services.edge.affinity import conversation_hash
from services.edge.calls import Call
from services.judging import Operation


class Conversations:
    """Remembers a bounded number of conversations, the latest ones."""

    def __init__(self, most: int = 20_000) -> None:
        """Begin without any."""
        self._projects: OrderedDict[int, str] = OrderedDict()
        self._most = most

    def note(self, call: Call, project_id: str, answer: bytes) -> bool:
        """Look at an answer, or some whole events of one, for what is to be sent back.

        Returns:
            Whether the rest of the answer can tell nothing more.
        """
        need = call.need
        if need.affinity or need.operation is not Operation.GENERATE:
            return True
        if b'"thoughtSignature"' not in answer and b'"continuationToken"' not in answer:
            return False
        number = conversation_hash(need.client_id, need.model, orjson.loads(call.body))
        self._projects[number] = project_id
        self._projects.move_to_end(number)
        if len(self._projects) > self._most:
            self._projects.popitem(last=False)
        return True

    def take(self, number: int) -> str:
        """Return the project of a conversation and forget it; empty when none is known."""
        return self._projects.pop(number, "")
