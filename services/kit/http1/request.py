"""The bytes of a request."""

from services.kit.http1.reply import Headers

_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def encode_head(method: str, target: bytes, host: bytes, headers: Headers, length: int) -> bytes:
    """Return the head of a request with its empty line.

    Raises:
        ValueError: Something in it would end a line, and so begin something of its own.
    """
    lines = [b"%b %b HTTP/1.1" % (method.encode("ascii"), target), b"host: " + host]
    lines += [name + b": " + value for name, value in headers]
    if length or method not in _BODILESS:
        lines.append(b"content-length: %d" % length)
    head = b"\r\n".join(lines)
    ends = len(lines) - 1
    is_torn = head.count(b"\n") != ends or head.count(b"\r") != ends or b"\0" in head
    if is_torn or b" " in target or not target:
        raise ValueError("a request's head must not hold line ends, nor its target spaces")
    return head + b"\r\n\r\n"
