"""Keeps the workers of an edge, and speaks for them on the ops port."""

import asyncio
import os
import signal
from functools import partial

import orjson
from prometheus_client import CONTENT_TYPE_LATEST

from services.edge.settings import EdgeSettings
from services.edge.workers.asking import ask
from services.edge.workers.merged_metrics import MergedMetrics
from services.edge.workers.worker import Worker
from services.kit.http_server import listen, serve_http
from services.kit.logs import get_logger
from services.kit.ops import Receive, Scope, Send

log = get_logger(__name__)

_JSON = "application/json"
# Settling after the drain, and the end itself.
_SLACK_SECONDS = 5.0


async def run_workers(settings: EdgeSettings, stop: asyncio.Event) -> None:
    """Run as many workers as are set until told to stop.

    Each has a socket of its own on the public port, among which the system spreads connections
    evenly; of one socket the quickest worker would take whole bursts.

    Raises:
        OSError: A port is taken, or a worker could not start.
    """
    # Shared sockets would join another server's: first, the port must be nobody's.
    with listen(settings.http_host, settings.http_port) as probe:
        port: int = probe.getsockname()[1]
    open_public = partial(listen, settings.http_host, port, is_shared=True)
    ops = listen(settings.ops_host, settings.ops_port)
    foreman = _Foreman()
    read_end, write_end = os.pipe()
    numbers = range(1, settings.edge_workers + 1)
    foreman.workers = [Worker(number, open_public, foreman.metrics.end) for number in numbers]
    # Files that change are seen by each worker itself.
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, foreman.reload)
    async with serve_http(foreman, ops, drain_seconds=1):
        keeping = [asyncio.create_task(worker.keep(read_end)) for worker in foreman.workers]
        stopping = asyncio.create_task(stop.wait())
        log.info("edge starts its workers", port=port, workers=settings.edge_workers)
        try:
            await asyncio.wait({stopping, *keeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            foreman.is_stopping = True
            for worker in foreman.workers:
                worker.stop()
            await _end(foreman.workers, keeping, settings.drain_seconds + _SLACK_SECONDS)
            os.close(read_end)
            os.close(write_end)
    for kept in keeping:
        kept.result()


async def _end(workers: list[Worker], keeping: list["asyncio.Task[None]"], seconds: float) -> None:
    _, late = await asyncio.wait(keeping, timeout=seconds)
    if late:
        log.warning("workers do not end, killing them", count=len(late))
        for worker in workers:
            worker.kill()
        await asyncio.wait(late)


class _Foreman:
    """The ASGI app of the ops port: one edge, as far as anybody outside can tell."""

    def __init__(self) -> None:
        self.workers: list[Worker] = []
        self.metrics = MergedMetrics()
        self.is_stopping = False

    def reload(self) -> None:
        """Let every worker read its settings again."""
        for worker in self.workers:
            worker.reload()

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        status, kind, body = await self._find(scope["path"])
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _find(self, path: str) -> tuple[int, str, bytes]:
        match path:
            case "/livez":
                return 200, _JSON, b'{"status":"ok"}'
            case "/readyz":
                return await self._readiness()
            case "/metrics":
                for worker, (status, body) in await self._ask_all(path):
                    if status == 200:
                        self.metrics.take(worker.number, body.decode())
                return 200, CONTENT_TYPE_LATEST, self.metrics.render()
        return 404, _JSON, b'{"status":"not found"}'

    async def _readiness(self) -> tuple[int, str, bytes]:
        """Ready once all workers have been; then, while any of them is."""
        answers = await self._ask_all("/readyz")
        parts: dict[str, str] = {}
        for worker, (status, answer) in answers:
            told = orjson.loads(answer).get("parts", {}) if answer else {}
            parts |= {f"worker {worker.number}: {name}": text for name, text in told.items()}
            parts[f"worker {worker.number}"] = "ok" if status == 200 else "unavailable"
        is_ready = (
            not self.is_stopping
            and all(worker.has_started for worker in self.workers)
            and any(status == 200 for _, (status, _) in answers)
        )
        body = {"status": "ok" if is_ready else "unavailable", "parts": parts}
        return 200 if is_ready else 503, _JSON, orjson.dumps(body)

    async def _ask_all(self, path: str) -> list[tuple[Worker, tuple[int, bytes]]]:
        answers = await asyncio.gather(*(ask(worker.ops_port, path) for worker in self.workers))
        return list(zip(self.workers, answers, strict=True))
