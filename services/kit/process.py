"""The life of a service process: read settings, run until told to stop, exit code."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import uvloop
from pydantic import ValidationError

from services.kit.background import end_tasks
from services.kit.build_info import tell_build
from services.kit.logs import configure_logs, get_logger, set_level
from services.kit.reloading import Changes, Reloader
from services.kit.settings import (
    SecretFileError,
    ServiceSettings,
    UnusableSettingError,
    explain_validation_error,
)
from services.kit.tls import TlsFilesError
from services.kit.trace_settings import trace_if_asked
from services.kit.tracing import stop_tracing

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)

EXIT_BAD_SETTINGS = 2


def run_service(
    name: str,
    settings_type: type[SettingsT],
    main: Callable[[SettingsT, asyncio.Event, Changes[SettingsT]], Awaitable[None]],
    *,
    is_traced: bool = True,
) -> int:
    """Run a service until SIGTERM or SIGINT and return its exit code.

    SIGHUP makes it read its settings again.

    Args:
        name: The service's name in logs.
        settings_type: What to read from the environment.
        main: The service; it returns some time after the event is set, and is told of changes.
        is_traced: Whether it makes traces where the environment asks for them.
    """
    try:
        settings = settings_type()
    except ValidationError as error:
        for line in explain_validation_error(error):
            sys.stderr.write(f"gemini-balance {name}: {line}\n")
        return EXIT_BAD_SETTINGS
    except SecretFileError as error:
        sys.stderr.write(f"gemini-balance {name}: {error}\n")
        return EXIT_BAD_SETTINGS
    configure_logs(name, level=settings.log_level, as_json=settings.log_as_json)
    tell_build(name)
    try:
        if is_traced:
            trace_if_asked(name)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_signal(settings, main))
    except (UnusableSettingError, TlsFilesError) as error:
        sys.stderr.write(f"gemini-balance {name}: {error}\n")
        return EXIT_BAD_SETTINGS
    except OSError as error:
        # A taken port or an unreadable file: the operator's to solve, no traceback.
        get_logger(__name__).error("service cannot run", error=str(error))
        return 1
    finally:
        stop_tracing()
    return 0


async def _until_signal(
    settings: SettingsT,
    main: Callable[[SettingsT, asyncio.Event, Changes[SettingsT]], Awaitable[None]],
) -> None:
    stop = asyncio.Event()
    changes: Changes[SettingsT] = Changes()
    changes.subscribe(lambda changed: set_level(changed.log_level))
    reloader = Reloader(settings, changes)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reloader.ask)
    reloading = asyncio.create_task(reloader.run())
    try:
        await main(settings, stop, changes)
    finally:
        await end_tasks([reloading])
