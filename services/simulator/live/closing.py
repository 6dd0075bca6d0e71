"""How a refusal is told over a WebSocket."""

from services.simulator.errors import ApiError

_LONGEST = 123
_CODES = {400: 1007, 401: 1008, 403: 1008, 404: 1008}


def code_of(error: ApiError) -> int:
    """Return the code of the close."""
    return _CODES.get(error.code, 1011)


def reason_of(error: ApiError) -> str:
    """Return the reason of the close: as much of the message as there is room for."""
    return error.message.encode()[:_LONGEST].decode(errors="ignore")
