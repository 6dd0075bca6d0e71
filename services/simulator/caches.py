"""The cached contents of each project."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.simulator.catalog import MODELS
from services.simulator.clock import timestamp
from services.simulator.errors import ApiError, invalid, model_not_found
from services.simulator.tokens import count_request

LEAST_TOKENS = 1024
_DEFAULT_SECONDS = 3600.0
_DURATION = re.compile(r"(\d+(?:\.\d+)?)s")


@dataclass(frozen=True, slots=True)
class Cache:
    """A cached content."""

    cache_id: str
    project: str
    model: str
    display_name: str
    content: dict[str, Any]
    tokens: int
    created: float
    updated: float
    expires: float

    def describe(self) -> dict[str, Any]:
        """Return the cached content as the API shows it: without what it holds."""
        return {
            "name": f"cachedContents/{self.cache_id}",
            "model": f"models/{self.model}",
            "createTime": timestamp(self.created),
            "updateTime": timestamp(self.updated),
            "expireTime": timestamp(self.expires),
            "displayName": self.display_name,
            "usageMetadata": {"totalTokenCount": self.tokens},
        }

    def prefix(self, contents: list[dict[str, Any]]) -> dict[str, Any]:
        """Return what a request becomes that builds on this content."""
        return self.content | {"contents": [*self.content.get("contents", []), *contents]}


class CacheShelf:
    """Cached contents by id; each is seen by its project alone."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Start empty; `now` returns seconds since the epoch."""
        self._caches: dict[str, Cache] = {}
        self._now = now

    def create(self, request: dict[str, Any], project: str, version: str) -> Cache:
        """Store a content.

        Raises:
            ApiError: The model is unknown, or the content too small to be worth it.
        """
        model = request.get("model", "").removeprefix("models/")
        if not model:
            raise invalid("* CreateCachedContentRequest.cached_content.model: model is required\n")
        if model not in MODELS:
            raise model_not_found(model, version, "createCachedContent")
        tokens = count_request(request).total()
        if tokens < LEAST_TOKENS:
            raise invalid(
                f"Cached content is too small. total_token_count={tokens}, "
                f"min_total_token_count={LEAST_TOKENS}"
            )
        now = self._now()
        kept = ("contents", "systemInstruction", "tools", "toolConfig")
        cache = Cache(
            cache_id=secrets.token_hex(16),
            project=project,
            model=model,
            display_name=request.get("displayName", ""),
            content={name: request[name] for name in kept if name in request},
            tokens=tokens,
            created=now,
            updated=now,
            expires=self._expiry(request),
        )
        self._caches[cache.cache_id] = cache
        return cache

    def get(self, cache_id: str, project: str) -> Cache:
        """Return a cached content of the project.

        Raises:
            ApiError: There is none, or it is another project's; the answer is the same.
        """
        cache = self._caches.get(cache_id)
        if cache is None or cache.project != project or cache.expires <= self._now():
            raise ApiError(403, "CachedContent not found (or permission denied)")
        return cache

    def list(self, project: str) -> list[Cache]:
        """Return the cached contents of a project."""
        now = self._now()
        return [
            cache
            for cache in self._caches.values()
            if cache.project == project and cache.expires > now
        ]

    def update(self, cache_id: str, request: dict[str, Any], project: str) -> Cache:
        """Change when a cached content expires, the only thing that may change.

        Raises:
            ApiError: As for `get`.
        """
        cache = self.get(cache_id, project)
        changed = replace(cache, updated=self._now(), expires=self._expiry(request))
        self._caches[cache_id] = changed
        return changed

    def delete(self, cache_id: str, project: str) -> None:
        """Remove a cached content of the project.

        Raises:
            ApiError: As for `get`.
        """
        self.get(cache_id, project)
        del self._caches[cache_id]

    def _expiry(self, request: dict[str, Any]) -> float:
        if moment := request.get("expireTime"):
            try:
                return datetime.fromisoformat(moment).timestamp()
            except ValueError as error:
                raise invalid(f"Invalid value at 'cached_content.expire_time': {moment}") from error
        ttl = request.get("ttl")
        if ttl is None:
            return self._now() + _DEFAULT_SECONDS
        match = _DURATION.fullmatch(ttl)
        if match is None:
            raise invalid(
                "Invalid value at 'cached_content.ttl' (type.googleapis.com/google.protobuf."
                f'Duration), "{ttl}"'
            )
        return self._now() + float(match[1])
