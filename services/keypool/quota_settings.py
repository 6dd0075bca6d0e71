"""The quota file: limits of tiers and projects, their keys, and their ways out."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from services.keypool.egress import MOST_PROXIES, Egress, Source
from services.keypool.model import DEFAULT_POOL
from services.keypool.names import PROXY_EXAMPLE, is_model, is_project_id, is_proxy
from services.keypool.project_store import Limits, QuotaScope

LARGEST_FILE = 16 * 1024 * 1024
_HIGHEST = 1_000_000_000_000
_SHORTEST_SUFFIX = 4
_ELLIPSES = ("...", "…", "*")


class QuotaFileError(Exception):
    """The quota file says something that cannot be meant; the text tells where and what."""


def _check_name(text: str) -> str:
    if not is_project_id(text):
        raise ValueError("must be 1 to 128 of the characters A-Z a-z 0-9 . _ -")
    return text


def _check_pattern(text: str) -> str:
    if not text or not is_model(text.replace("*", "")):
        raise ValueError("must be a model, where * stands for any text")
    return text


def _check_selector(text: Any) -> Any:
    if not isinstance(text, str) or _Selector.parse(text) is None:
        raise ValueError(
            "must be a key's id, its alias, or ... and at least the last "
            f"{_SHORTEST_SUFFIX} characters of its secret"
        )
    return text


def _check_proxy(text: Any) -> Any:
    if not isinstance(text, str) or not is_proxy(text):
        raise ValueError(f"must be a URL such as {PROXY_EXAMPLE}")
    return text


_Name = Annotated[str, BeforeValidator(_check_name)]
_Pattern = Annotated[str, BeforeValidator(_check_pattern)]
_Proxy = Annotated[str, BeforeValidator(_check_proxy)]
_Tag = Annotated[str, Field(min_length=1, max_length=64, strict=True)]
_Limit = Annotated[int, Field(ge=0, le=_HIGHEST, strict=True)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class _Limits(_Strict):
    rpm: _Limit | None = None
    tpm: _Limit | None = None
    rpd: _Limit | None = None


class _Project(_Strict):
    tier: _Name | None = None
    keys: tuple[Annotated[str, BeforeValidator(_check_selector)], ...] = ()
    models: dict[_Pattern, _Limits] = {}


class _Egress(_Strict):
    proxies: Annotated[tuple[_Proxy, ...], Field(min_length=1, max_length=MOST_PROXIES)]
    projects: tuple[_Name, ...] = ()
    tags: tuple[_Tag, ...] = ()


class _File(_Strict):
    tiers: dict[_Name, dict[_Pattern, _Limits]] = {}
    projects: dict[_Name, _Project] = {}
    egress: dict[_Name, _Egress] = {}


@dataclass(frozen=True, slots=True)
class _Selector:
    """What names keys: a whole id or alias, or the end of a secret."""

    name: str = ""
    suffix: str = ""

    @staticmethod
    def parse(text: str) -> "_Selector | None":
        """Return what a text selects, None when it is nothing."""
        for dots in _ELLIPSES:
            if text.startswith(dots):
                suffix = text.removeprefix(dots)
                long_enough = len(suffix) >= _SHORTEST_SUFFIX and "*" not in suffix
                return _Selector(suffix=suffix) if long_enough else None
        if text.startswith("k-"):
            # Aliases have one character in the middle that few keyboards have.
            return _Selector(name=text.replace("...", "…"))
        return _Selector(name=text) if text.startswith("k") and is_project_id(text) else None


class KeyGroups:
    """Which keys the quota file puts into which project."""

    def __init__(self, projects: Mapping[str, str]) -> None:
        """Take what was declared.

        Args:
            projects: What selects keys -> their project.
        """
        self._by_name: dict[str, str] = {}
        self._by_suffix: dict[int, dict[str, str]] = {}
        for text, project in projects.items():
            selector = _Selector.parse(text)
            assert selector is not None, "was checked when the file was read"
            if selector.suffix:
                same_length = self._by_suffix.setdefault(len(selector.suffix), {})
                same_length[selector.suffix] = project
            else:
                self._by_name[selector.name] = project

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._by_name or self._by_suffix)

    def project_of(self, key_id: str, alias: str, secret: str) -> str:
        """Return the project of a key, empty when nothing selects it; the longest suffix wins."""
        for name in (key_id, alias):
            if name in self._by_name:
                return self._by_name[name]
        for length in sorted(self._by_suffix, reverse=True):
            if project := self._by_suffix[length].get(secret[-length:]):
                return project
        return ""


@dataclass(frozen=True, slots=True)
class QuotaFile:
    """What a quota file says.

    Attributes:
        quotas: Limits by what they hold for.
        tiers: Project to tier.
        groups: Which keys belong to which project.
        egresses: Ways out of projects and tags.
    """

    quotas: Mapping[QuotaScope, Limits]
    tiers: Mapping[str, str]
    groups: KeyGroups
    egresses: tuple[Egress, ...] = ()

    @staticmethod
    def empty() -> "QuotaFile":
        """Return a file that says nothing."""
        return QuotaFile({}, {}, KeyGroups({}))


def parse_quota_file(text: str) -> QuotaFile:
    """Return what a quota file says.

    Raises:
        QuotaFileError: It says something that cannot be meant.
    """
    try:
        file = _File.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise QuotaFileError(f"is not TOML: {error}") from error
    except ValidationError as error:
        raise QuotaFileError("; ".join(_explain(error))) from None
    quotas = {
        QuotaScope("t", tier, model): _limits(limits)
        for tier, models in file.tiers.items()
        for model, limits in models.items()
    }
    quotas |= {
        QuotaScope("p", name, model): _limits(limits)
        for name, project in file.projects.items()
        for model, limits in project.models.items()
    }
    tiers = {name: project.tier for name, project in file.projects.items() if project.tier}
    for name, tier in tiers.items():
        if tier not in file.tiers:
            raise QuotaFileError(f"projects.{name}.tier: there is no tier {tier}")
    return QuotaFile(quotas, tiers, KeyGroups(_selectors(file)), tuple(_egresses(file)))


def _selectors(file: _File) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, project in file.projects.items():
        for selector in project.keys:
            other = found.setdefault(selector, name)
            if other != name:
                raise QuotaFileError(f"projects.{name}.keys: {selector} is in {other}, too")
    return found


def _egresses(file: _File) -> Iterator[Egress]:
    for name, egress in file.egress.items():
        if not egress.projects and not egress.tags:
            raise QuotaFileError(f"egress.{name}: is for no projects and no tags")
        projects, tags = egress.projects, egress.tags
        yield Egress(DEFAULT_POOL, name, projects, tags, egress.proxies, Source.FILE)


def _limits(limits: _Limits) -> Limits:
    if limits == _Limits():
        raise QuotaFileError("a model without any of rpm, tpm and rpd declares nothing")
    return Limits(limits.rpm, limits.tpm, limits.rpd)


def _explain(error: ValidationError) -> list[str]:
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    return [
        f"{'.'.join(str(part) for part in problem['loc'])}: "
        f"{problem['msg'].removeprefix('Value error, ')}"
        for problem in problems[:5]
    ]
