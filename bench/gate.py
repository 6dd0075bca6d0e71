"""What must not become dearer: multiples of the yardstick in the same rounds.

A bound lies above all that was measured of the same code from hour to hour, on a machine that has
other work too. Who makes something cheaper lowers its bound; who needs to raise one says why.
"""

from collections.abc import Sequence

from bench.rounds import Result
from bench.scenarios.compared import PRODUCT

BOUNDS = {
    "gemini": 1.95,
    "chat": 2.25,
    "gemini-stream": 1.2,
    "chat-stream": 1.5,
}
"""Edge CPU per request or chunk, as a multiple of the yardstick's."""


def exceeded(results: Sequence[Result]) -> list[str]:
    """Return a line for each bound that does not hold."""
    lines = []
    for result in results:
        name = result.scenario.name
        multiple = result.multiple(PRODUCT)
        if multiple is None:
            lines.append(f"{name}: not measured")
        elif multiple > BOUNDS[name]:
            lines.append(f"{name}: {multiple:.2f} times the yardstick, at most {BOUNDS[name]:.2f}")
    return lines
