"""Web addresses that a client names: read once, by the parser that connects."""

import ipaddress
import re

from yarl import URL

from services.edge.fetching.failures import malformed, not_public

_LONGEST = 8 * 1024
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
_NAME = re.compile(r"(?:[a-z0-9_][a-z0-9_\-]{0,62}\.){0,126}[a-z0-9_][a-z0-9_\-]{0,62}\.?")
# Where the last label is a number, resolvers take the whole name for an address: `127.1`,
# `2130706433`, `0x7f.0.0.1`, `0177.0.0.1`.
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")


def read_target(text: str) -> URL:
    """Return an address that may be fetched from, as far as its text tells.

    Raises:
        FetchError: It is malformed, holds a password, or its host is an address that is not
            written as addresses are.
    """
    if len(text) > _LONGEST or _FORBIDDEN.search(text):
        raise malformed("it is too long, or holds blanks or backslashes")
    try:
        url = URL(text)
    except ValueError:
        raise malformed("it is not a valid URL") from None
    return check_target(url)


def follow(url: URL, location: str) -> URL:
    """Return where a redirect leads, under the same rules.

    Raises:
        FetchError: As for `read_target`.
    """
    if len(location) > _LONGEST or _FORBIDDEN.search(location):
        raise malformed("it leads on to something that is no URL")
    try:
        return check_target(url.join(URL(location)))
    except ValueError:
        raise malformed("it leads on to something that is no URL") from None


def check_target(url: URL) -> URL:
    """Return the URL itself.

    Raises:
        FetchError: As for `read_target`.
    """
    if url.scheme not in {"http", "https"}:
        raise malformed("only http and https are possible")
    if url.user is not None or url.password is not None:
        raise malformed("it holds a user or a password")
    host = url.raw_host or ""
    if ":" in host:
        if "%" in host:
            raise not_public()
        return url
    if not _NAME.fullmatch(host):
        raise malformed("its host is no name and no address")
    labels = host.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]) and not _is_plain_address(host):
        raise not_public()
    return url


def _is_plain_address(host: str) -> bool:
    try:
        return str(ipaddress.IPv4Address(host)) == host
    except ValueError:
        return False
