"""Settings of the simulator."""

import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from services.kit.settings import ServiceSettings


def _read_keys(value: Any) -> Any:
    """Read `{"key": "project"}` as JSON, or a comma list in which each key has its own project."""
    if isinstance(value, str):
        text = value.strip()
        value = json.loads(text) if text[:1] in {"{", "["} else text.split(",")
    if isinstance(value, list):
        return {key.strip(): "" for key in value if key.strip()}
    return value


KeyProjects = Annotated[dict[str, str], NoDecode, BeforeValidator(_read_keys)]
"""Project by key; an empty project stands for one of the key's own."""


class SimulatorSettings(ServiceSettings):
    """What the simulator is told at its start; its control plane changes most of it later."""

    simulator_host: str = "127.0.0.1"
    """Address that the simulator listens on."""

    simulator_port: int = Field(default=8080, ge=0, le=65535)
    """Port that the simulator listens on; 0 takes any free one."""

    simulator_keys: KeyProjects = Field(default_factory=dict)
    """The keys that are valid; when empty, every key of at least eight characters is."""

    simulator_rpm: int = Field(default=0, ge=0)
    """Requests a minute for each project and model; 0 for no limit."""

    simulator_tpm: int = Field(default=0, ge=0)
    """Input tokens a minute for each project and model; 0 for no limit."""

    simulator_rpd: int = Field(default=0, ge=0)
    """Requests a day for each project and model; 0 for no limit."""

    simulator_window: Literal["sliding", "fixed"] = "sliding"
    """Whether a minute is the last 60 seconds or a minute of the clock."""

    simulator_free_tier: bool = True
    """Whether refusals name the quotas of the free tier or those of a paid one."""

    simulator_chunk_delay_ms: float = Field(default=0, ge=0)
    """Milliseconds between two chunks of a stream."""

    simulator_bind_signatures: bool = False
    """Whether a thought signature is refused outside of the project that issued it."""

    drain_seconds: float = 2
    """How long open calls may go on after SIGTERM."""
