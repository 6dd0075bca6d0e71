"""What names, keys and tokens may look like."""

import re
from urllib.parse import urlsplit

_MODEL = re.compile(r"[A-Za-z0-9._\-]{0,128}")
_NAME = re.compile(r"[A-Za-z0-9._\-]{1,128}")
_CLIENT = re.compile(r"[A-Za-z0-9._@:\-]{1,128}")
_NOT_CLIENT = re.compile(r"[^A-Za-z0-9._@:\-]")
_RESOURCE = re.compile(r"[!-~]{1,512}")
_PROXY_SCHEMES = {"http", "https", "socks4", "socks5", "socks5h"}
PROXY_EXAMPLE = "http://user:password@host:3128 or socks5://host:1080"
"""What proxies look like, for people."""

_SECRET = re.compile(r"[!-~]{1,512}")


def is_model(text: str) -> bool:
    """Whether a text can name a model; the empty text stands for none."""
    return _MODEL.fullmatch(text) is not None


def is_pool(text: str) -> bool:
    """Whether a text can name a pool."""
    return _NAME.fullmatch(text) is not None


def is_request_id(text: str) -> bool:
    """Whether a text can name a request or a report."""
    return _NAME.fullmatch(text) is not None


def is_project_id(text: str) -> bool:
    """Whether a text can name a project."""
    return _NAME.fullmatch(text) is not None


def is_client_id(text: str) -> bool:
    """Whether a text can name a client."""
    return _CLIENT.fullmatch(text) is not None


def as_client_id(text: str) -> str:
    """Return a client id made of any text."""
    return _NOT_CLIENT.sub("_", text)[:128] or "_"


def is_resource(text: str) -> bool:
    """Whether a text can name a resource."""
    return _RESOURCE.fullmatch(text) is not None


def is_secret(text: str, *, shortest: int = 8) -> bool:
    """Whether a text can be a key or a token: printable ASCII, fit for a header."""
    return len(text) >= shortest and _SECRET.fullmatch(text) is not None


def is_proxy(text: str) -> bool:
    """Whether a text is the URL of a proxy."""
    try:
        parts = urlsplit(text)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return has_host and parts.scheme in _PROXY_SCHEMES and is_secret(text)
