"""A gRPC channel that is made anew when the certificates of its caller change."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from services.kit.background import end_tasks
from services.kit.logs import get_logger
from services.kit.tls import TlsFiles, TlsFilesError, channel_credentials
from services.kit.watched_files import WatchedFiles

log = get_logger(__name__)

_LOOK_SECONDS = 1.0
_LONGEST_CALL_SECONDS = 3600.0

Open = Callable[[grpc.ChannelCredentials], grpc.aio.Channel]


class RenewedChannel(grpc.aio.Channel):
    """One channel to its callers, behind which another takes its place.

    A new one takes over once it is ready, so certificates that no server accepts change nothing.
    Calls that run go on over the one they began on; it is closed after the last of them.
    """

    def __init__(self, files: TlsFiles, open_channel: Open) -> None:
        """Open the first; must happen inside the running event loop.

        Args:
            files: The certificates.
            open_channel: Makes a channel with credentials.

        Raises:
            TlsFilesError: The files cannot be used.
        """
        self._files = files
        self._open = open_channel
        self._watched = WatchedFiles(files.paths)
        self.current = open_channel(channel_credentials(files))
        self._ending: set[asyncio.Task[None]] = set()
        self._watching = asyncio.create_task(self._watch())

    def unary_unary(self, *args: Any, **options: Any) -> Any:
        """Return a method of whichever channel is current when it is called."""
        return _Method(self, "unary_unary", args, options)

    def unary_stream(self, *args: Any, **options: Any) -> Any:
        """See `unary_unary`."""
        return _Method(self, "unary_stream", args, options)

    def stream_unary(self, *args: Any, **options: Any) -> Any:
        """See `unary_unary`."""
        return _Method(self, "stream_unary", args, options)

    def stream_stream(self, *args: Any, **options: Any) -> Any:
        """See `unary_unary`."""
        return _Method(self, "stream_stream", args, options)

    async def close(self, grace: float | None = None) -> None:
        """Close it; calls over earlier ones are their owners' to end."""
        await end_tasks([self._watching, *self._ending])
        await self.current.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Return the state of the current one."""
        return self.current.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Wait for one of the channel that is current now."""
        await self.current.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Return once the channel that is current now is connected."""
        await self.current.channel_ready()

    async def __aenter__(self) -> "RenewedChannel":
        """Return itself, open."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()

    async def _watch(self) -> None:
        taking_over: asyncio.Task[None] | None = None
        try:
            while True:
                await asyncio.sleep(_LOOK_SECONDS)
                if not self._watched.have_changed():
                    continue
                try:
                    credentials = channel_credentials(self._files)
                except TlsFilesError as error:
                    log.warning("new certificates cannot be used", error=str(error))
                    continue
                if taking_over is not None:
                    await end_tasks([taking_over])
                taking_over = asyncio.create_task(self._take_over(self._open(credentials)))
        finally:
            if taking_over is not None:
                await end_tasks([taking_over])

    async def _take_over(self, channel: grpc.aio.Channel) -> None:
        try:
            await channel.channel_ready()
        except BaseException:
            await channel.close()
            raise
        old, self.current = self.current, channel
        log.info("new certificates are in use", cert=str(self._files.cert))
        task = asyncio.create_task(old.close(_LONGEST_CALL_SECONDS))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


class _Method:
    """A method of the current channel, made once for each."""

    def __init__(
        self, owner: RenewedChannel, kind: str, args: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        self._owner, self._kind, self._args, self._options = owner, kind, args, options
        self._channel: grpc.aio.Channel | None = None
        self._method: Any = None

    def __call__(self, *args: Any, **options: Any) -> Any:
        if self._channel is not self._owner.current:
            self._channel = self._owner.current
            self._method = getattr(self._channel, self._kind)(*self._args, **self._options)
        return self._method(*args, **options)
