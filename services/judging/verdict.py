"""What follows from the evidence."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum


class Fault(Enum):
    """Who or what is to blame."""

    REQUEST = "request"
    KEY = "key"
    PROJECT_MODEL = "project-model"
    PROJECT = "project"
    EGRESS = "egress"
    UPSTREAM = "upstream"
    OURS = "ours"


class Retry(Enum):
    """What the caller may do before the first byte reached its client."""

    NEVER = "never"
    """Give the answer to the client."""
    OTHER_KEY = "other-key"
    """Try another key; one of the same project is as good."""
    OTHER_PROJECT = "other-project"
    """Try another project."""
    OTHER_PROJECT_ONCE = "other-project-once"
    """Try another project, but only one: the fault is likely everywhere."""
    REPAIRED = "repaired"
    """Try once more, with thought signatures that no account refuses."""


class Effect(Enum):
    """What happens to the key or the project."""

    NONE = "none"
    KILL_KEY = "kill-key"
    COOL_MODEL = "cool-model"
    """The project, for this model, until `cool_for` has passed."""
    COOL_PROJECT = "cool-project"
    """The project, for all models."""
    MODEL_ABSENT = "model-absent"
    """The project does not offer this model; asked again after `cool_for`."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows.

    Attributes:
        rule_id: Stable id of the rule that decided, for logs, metrics and tests.
        fault: Who is to blame.
        retry: What the caller may do.
        effect: What happens to the key or the project.
        cool_for: How long, for effects that end by themselves.
    """

    rule_id: str
    fault: Fault
    retry: Retry
    effect: Effect = Effect.NONE
    cool_for: timedelta | None = None
