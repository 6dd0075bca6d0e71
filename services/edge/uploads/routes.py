"""The public side of uploads."""

from collections.abc import Awaitable

from services.edge.clients import check_scope
from services.edge.errors import ApiError, method_not_allowed, no_files
from services.edge.http import Exchange
from services.edge.runtime import Runtime
from services.edge.uploads.addresses import Addresses, TrustedPeers
from services.edge.uploads.answers import state_headers, tell_started, tell_upload
from services.edge.uploads.arriving import arrival_of
from services.edge.uploads.sessions import Sessions
from services.edge.uploads.single import SingleUploads
from services.edge.uploads.starting import Protocol, protocol_of, read_order
from services.edge.uploads.writing import check_encoding

_METHODS = frozenset({"POST", "PUT"})


class UploadRoutes:
    """The routes under `/upload/`."""

    def __init__(self, runtime: Runtime) -> None:
        """Take the shared parts."""
        settings = runtime.settings
        self._clients = runtime.clients
        self._files = runtime.files
        self._addresses = Addresses(settings.public_url, TrustedPeers(settings.forwarded_allow_ips))
        if runtime.files is not None:
            silence = settings.upload_idle_seconds
            self._sessions = Sessions(runtime.files, silence=silence)
            self._single = SingleUploads(runtime.files, silence=silence)

    async def begin(self, exchange: Exchange, path: str) -> None:
        """Serve a request to a collection: the start of an upload, or a whole one.

        Args:
            exchange: The request.
            path: The collection's upstream path.
        """
        await self._serve(exchange, self._begin(exchange, path))

    async def go_on(self, exchange: Exchange, upload_id: str) -> None:
        """Serve a request to the address of an upload; it needs no token."""
        await self._serve(exchange, self._go_on(exchange, upload_id))

    async def _serve(self, exchange: Exchange, work: Awaitable[None]) -> None:
        try:
            await work
        except ApiError as error:
            exchange.extra += state_headers(error)
            await exchange.drain()
            raise

    async def _go_on(self, exchange: Exchange, upload_id: str) -> None:
        _check_method(exchange)
        if self._files is None:
            raise no_files()
        await self._sessions.serve(exchange, upload_id)

    async def _begin(self, exchange: Exchange, path: str) -> None:
        _check_method(exchange)
        client = await self._clients.identify(exchange)
        check_scope(client, "files")
        if self._files is None:
            raise no_files()
        check_encoding(exchange)
        match protocol_of(exchange):
            case Protocol.RAW:
                await tell_upload(exchange, await self._single.raw(exchange, client, path))
            case Protocol.MULTIPART:
                await tell_upload(exchange, await self._single.multipart(exchange, client, path))
            case protocol:
                legacy = protocol is Protocol.LEGACY_RESUMABLE
                order = await read_order(exchange, client, path, legacy=legacy)
                upload = await self._files.create_upload(order)
                url = self._addresses.of_upload(upload.upload_id, arrival_of(exchange))
                await tell_started(exchange, upload, url, legacy=legacy)


def _check_method(exchange: Exchange) -> None:
    if exchange.method not in _METHODS:
        raise method_not_allowed(exchange.method, "POST")
