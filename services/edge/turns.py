"""Whose turn it is to answer: the model that was asked for, then others in its place."""

from dataclasses import replace

from services.edge.calls import Call
from services.edge.refusals import FailedError

# Spent and gone. Anything else would go the same way with another model.
_HELPED_BY_OTHERS = frozenset({404, 429})


class Turns:
    """The calls of one request, one after the other.

    Nobody waits for a model while another one may be free; when all are spent, the one
    that was asked for is waited for.

    Attributes:
        call: The one whose turn it is.
    """

    __slots__ = ("_first_failure", "_is_patient", "_others", "_own", "call")

    def __init__(self, own: Call) -> None:
        """Begin with what the client asked for."""
        self._own = own
        self._others = list(own.instead)
        self._is_patient = not own.instead
        self._first_failure: FailedError | None = None
        self.call = own if self._is_patient else _impatient(own)

    @property
    def other_model(self) -> str:
        """The model that stands in for the one asked for, empty when none does."""
        return "" if self.call.need.model == self._own.need.model else self.call.need.model

    def go_on(self, failure: FailedError) -> None:
        """Give the turn to the next call.

        Raises:
            FailedError: There is none; what the client is to be told.
        """
        if self._is_patient:
            raise failure
        first, self._first_failure = self._first_failure or failure, None
        if failure.status not in _HELPED_BY_OTHERS:
            raise first
        if self._others:
            self.call = _impatient(self._others.pop(0))
            # Its frames would hold what holds it.
            self._first_failure = first.with_traceback(None)
            return
        if first.status == 404 or not self._own.need.patience:
            raise first
        self.call, self._is_patient = self._own, True


def _impatient(call: Call) -> Call:
    return replace(call, need=replace(call.need, patience=0))
