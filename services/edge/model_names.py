"""Names that clients know models by, and the upstream's own (`MODEL_ALIASES`)."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

_WILD = frozenset("*?[")


class ModelNames:
    """Aliases: exact ones first, then patterns in the order of their declaration."""

    def __init__(self, aliases: Mapping[str, str]) -> None:
        """Take the upstream's name for each alias or pattern."""
        self._exact = {name: model for name, model in aliases.items() if _WILD.isdisjoint(name)}
        self._patterns = [
            (name, model) for name, model in aliases.items() if not _WILD.isdisjoint(name)
        ]

    @property
    def exact(self) -> Mapping[str, str]:
        """The aliases that are names, not patterns, with what they stand for."""
        return self._exact

    def upstream(self, name: str) -> str:
        """Return what a name stands for, itself when it is no alias. Aliases are not chained."""
        if (model := self._exact.get(name)) is not None:
            return model
        for pattern, model in self._patterns:
            if fnmatchcase(name, pattern):
                return model
        return name
