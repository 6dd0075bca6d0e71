"""An environment without a way out of this machine."""

from tests.support.ports import free_port
from tests.support.system import clean_environment


def offline_environment(**extra: str) -> dict[str, str]:
    """Return an environment in which whatever does not go to the loopback fails at once."""
    # Nobody listens there.
    nowhere = f"http://127.0.0.1:{free_port()}"
    ways_out = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), nowhere)
    ways_out["NO_PROXY"] = "127.0.0.1,localhost"
    lower = {name.lower(): value for name, value in ways_out.items()}
    return clean_environment(NODE_USE_ENV_PROXY="1", **ways_out, **lower, **extra)
