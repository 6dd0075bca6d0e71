"""Why something could not be fetched, in words that a client may hear.

They tell nothing of our network: a name that is unknown, one that leads to a private address
and one whose port is closed to clients all sound the same.
"""


class FetchError(Exception):
    """Nothing could be fetched; the message goes on after "it".

    Attributes:
        code: Machine-readable reason.
    """

    def __init__(self, message: str, code: str) -> None:
        """Describe the failure."""
        super().__init__(message)
        self.code = code


def malformed(why: str) -> FetchError:
    """The address is none that can be fetched from."""
    return FetchError(f"is no address to fetch from: {why}", "media_url_invalid")


def not_public() -> FetchError:
    """Where it leads is not on the public internet, or nowhere."""
    return FetchError(
        "leads to no public address, or to a port that is not one of the web", "media_url_refused"
    )


def unreachable() -> FetchError:
    """The server on the public internet does not answer as it should."""
    return FetchError("could not be fetched: its server did not answer", "media_unreachable")


def too_slow(seconds: float) -> FetchError:
    """It took too long."""
    return FetchError(f"was not there within {seconds:g} seconds", "media_timeout")


def too_large(limit: int) -> FetchError:
    """It is longer than allowed."""
    return FetchError(f"is longer than {limit} bytes", "media_too_large")


def refused(status: int) -> FetchError:
    """The server has answered with something else."""
    return FetchError(f"could not be fetched: its server answered {status}", "media_unreachable")


def redirected_too_often(most: int) -> FetchError:
    """It leads on and on."""
    return FetchError(f"leads on more than {most} times", "media_unreachable")


def wrong_type(media_type: str) -> FetchError:
    """It is no picture, sound, film or PDF."""
    shown = media_type[:60] if media_type.isprintable() else ""
    return FetchError(
        f"is of the type '{shown}': pictures, sound, films and PDF are fetched",
        "media_type_not_supported",
    )


def empty() -> FetchError:
    """There is nothing in it."""
    return FetchError("is empty", "media_empty")


def encoded(encoding: str) -> FetchError:
    """It was sent packed although that was not asked for."""
    shown = encoding[:20] if encoding.isprintable() else ""
    return FetchError(f"was sent packed ('{shown}')", "media_unreachable")
