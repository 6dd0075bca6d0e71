"""Settings that change while a service runs: on SIGHUP, and when the files they come from do."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Generic, TypeVar

from pydantic import ValidationError

from services.kit.logs import get_logger
from services.kit.settings import SecretFileError, ServiceSettings, explain_validation_error
from services.kit.watched_files import WatchedFiles

log = get_logger(__name__)

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)

_LOOK_SECONDS = 1.0


class Changes(Generic[SettingsT]):
    """Tells the parts of a service of its settings when they are others."""

    def __init__(self) -> None:
        """Start with nobody to tell."""
        self._listeners: list[Callable[[SettingsT], None]] = []

    def subscribe(self, listener: Callable[[SettingsT], None]) -> None:
        """Be told of the whole of the settings each time that some of them have changed."""
        self._listeners.append(listener)

    def tell(self, settings: SettingsT) -> None:
        """Tell everybody."""
        for listener in self._listeners:
            listener(settings)


class Reloader(Generic[SettingsT]):
    """Reads settings again, and tells of those that may change while the service runs."""

    def __init__(self, settings: SettingsT, changes: Changes[SettingsT]) -> None:
        """Begin with the settings that the service was started with."""
        self._settings = settings
        self._changes = changes
        self._files = WatchedFiles(settings.files_read())
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Read them now, whether files have changed or not."""
        self._asked.set()

    async def run(self) -> None:
        """Look at the files for ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._asked.wait()
            if self._files.have_changed() or self._asked.is_set():
                self._asked.clear()
                self._read()

    def _read(self) -> None:
        try:
            found = type(self._settings)()
        except ValidationError as error:
            problems = list(explain_validation_error(error))
        except SecretFileError as error:
            problems = [str(error)]
        else:
            self._take(found)
            return
        for problem in problems:
            log.error("settings cannot be read, the old ones stay", problem=problem)

    def _take(self, found: SettingsT) -> None:
        now = dict(self._settings)
        others = {name for name, value in found if value != now[name]}
        if late := others - found.LIVE:
            log.warning("changed settings need a restart", names=_named(late))
        if others := others & found.LIVE:
            update = {name: getattr(found, name) for name in others}
            self._settings = self._settings.model_copy(update=update)
            self._changes.tell(self._settings)
        log.info("settings were read again", changed=_named(others))


def _named(names: set[str]) -> list[str]:
    return sorted(name.upper() for name in names)
