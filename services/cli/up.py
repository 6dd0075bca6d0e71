"""`gemini-balance up`: everything on this machine, under one roof."""

import asyncio
import importlib
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from gemini_balance.keypool.v1 import admin_pb2 as pb

from services.cli import banner, data_dir, demo, run_file, secrets_store
from services.cli.admin_access import AdminAccess, open_admin
from services.cli.admin_client import AdminClient
from services.cli.child import ChildSpec, ChildStartError
from services.cli.dotenv_file import GivenSettings, read_given
from services.cli.errors import BAD_SETTINGS, INTERRUPTED, CommandError
from services.cli.known_settings import warn_of_unknown, warn_of_unused
from services.cli.layout import choose_layout
from services.cli.output import remark
from services.cli.parts import Parts
from services.cli.supervisor import Supervisor
from services.cli.up_settings import read_up_settings
from services.cli.valkey import EmbeddedValkey, embedded_valkey
from services.kit.logs import configure_logs, get_logger

log = get_logger(__name__)

# Parts that a killed `up` left behind end within a few seconds.
_EARLIER_PARTS_SECONDS = 15.0


def run_up(*, port: int | None, ops_port: int | None, data_dir_option: Path | None) -> int:
    """Run everything until SIGTERM, SIGHUP or Ctrl-C, and return the exit code.

    Raises:
        CommandError: It could not start; nothing is left running.
    """
    given = read_given(Path.cwd())
    settings = read_up_settings(given, http_port=port, ops_port=ops_port, data_dir=data_dir_option)
    level = settings.log_level or ("WARNING" if sys.stderr.isatty() else "INFO")
    configure_logs("up", level=level)
    _warn(given)
    folder = data_dir.prepare(settings.data_dir)
    with (
        data_dir.lock(folder),
        data_dir.parts_lock(folder, timeout_seconds=_EARLIER_PARTS_SECONDS) as descriptor,
    ):
        layout = choose_layout(settings)
        store, redis_url = None, given.get("REDIS_URL")
        if redis_url is None:
            store = embedded_valkey(folder, layout.valkey_port, descriptor)
            redis_url = store.url
        parts = Parts(
            given=given,
            settings=settings,
            layout=layout,
            secrets=secrets_store.load_or_create(folder),
            redis_url=redis_url,
            data_dir=folder,
            log_level=level,
            lock_descriptor=descriptor,
        )
        return asyncio.run(System(parts, store).run())


class System:
    """The running whole."""

    def __init__(self, parts: Parts, store: EmbeddedValkey | None) -> None:
        """Take what is to run.

        Args:
            parts: The services.
            store: Our own store, None when one was named.
        """
        self._parts = parts
        self._store = store
        self._supervisor = Supervisor(on_change=self._record)
        self._demo = False
        self._is_up = False
        self._exit_code = 0
        self._stop = asyncio.Event()

    async def run(self) -> int:
        """Start, wait for the order to stop, stop, and return the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)
        starting = asyncio.create_task(self._start())
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await stopping
        except ChildStartError as error:
            if error.status == BAD_SETTINGS:
                # The part has said which setting is bad.
                raise CommandError("", exit_code=BAD_SETTINGS) from error
            raise
        finally:
            starting.cancel()
            stopping.cancel()
            self._is_up = False
            run_file.remove(self._parts.data_dir)
            await self._supervisor.stop()
        return self._exit_code

    async def _start(self) -> None:
        parts, supervisor = self._parts, self._supervisor
        if self._store is None:
            # Our own store needs no client here.
            await importlib.import_module("services.cli.named_store").require_store(parts.redis_url)
        else:
            await supervisor.start(self._store.spec)
        # Stored keys tell the mode, and only the key pool can read them: begin with a guess.
        guess = not demo.has_given_keys(parts.given)
        is_sure = not guess or (self._store is not None and self._store.is_new)
        # In the wrong mode keys of one kind could reach the upstream of the other.
        others = self._others(demo=guess) if is_sure else ()
        await supervisor.start(parts.keypool(demo=guess), *others)
        access = AdminAccess(parts.layout.keypool.local, parts.secrets.cli)
        async with open_admin(access) as admin:
            await self._choose_mode(admin)
            has_tokens = await _has_client_token(admin)
        if not is_sure:
            if self._demo is not guess:
                await supervisor.replace(parts.keypool(demo=self._demo))
            await supervisor.start(*self._others(demo=self._demo))
        self._is_up = True
        self._record()
        banner.show(self._welcome(has_tokens=has_tokens))

    def _others(self, *, demo: bool) -> tuple[ChildSpec, ...]:
        """Return the parts beside the store and the key pool."""
        parts = self._parts
        simulator = (parts.simulator(),) if demo else ()
        return parts.files(demo=demo), *simulator, parts.edge(demo=demo)

    async def _choose_mode(self, admin: AdminClient) -> None:
        parts = self._parts
        self._demo = await demo.is_demo(parts.given, admin)
        if self._demo:
            secrets = await demo.enter(admin, parts.data_dir, parts.secrets)
            self._parts = replace(parts, secrets=secrets)
        elif await demo.leave(admin, parts.data_dir, parts.secrets):
            remark("gemini-balance: the demo is over, its keys and token are removed")

    def _welcome(self, *, has_tokens: bool) -> banner.Welcome:
        layout = self._parts.layout
        ops = self._parts.ops_urls(demo=self._demo)
        addresses = {
            "edge": self._url,
            "keypool": f"grpc {layout.keypool.local}",
            "files": f"grpc {layout.files.local}",
        }
        if self._demo:
            addresses["simulator"] = f"http://{layout.simulator.local}"
        rows = [(name, address, ops[name]) for name, address in addresses.items()]
        rows.append(
            ("valkey", f"127.0.0.1:{layout.valkey_port}" if self._store else "REDIS_URL", "")
        )
        secrets = self._parts.secrets
        is_ours = self._parts.given.get("AUTH_TOKEN") is None
        return banner.Welcome(
            url=self._url,
            rows=tuple(rows),
            demo_token=secrets.demo_token if self._demo else None,
            auth_token=secrets.auth_token if is_ours and sys.stdout.isatty() else None,
            has_tokens=has_tokens,
        )

    @property
    def _url(self) -> str:
        return f"http://{self._parts.layout.http.local}"

    def _record(self) -> None:
        """Tell other commands what runs; the processes go on when that fails."""
        if not self._is_up:
            return
        layout = self._parts.layout
        content = run_file.RunFile(
            pid=os.getpid(),
            url=self._url,
            keypool_target=layout.keypool.local,
            files_target=layout.files.local,
            ops_urls=self._parts.ops_urls(demo=self._demo),
            pids=self._supervisor.pids,
            demo=self._demo,
            admin_credential=self._parts.secrets.cli,
        )
        try:
            run_file.write(self._parts.data_dir, content)
        except OSError as error:
            log.warning("run.json cannot be written", error=str(error))

    def _on_signal(self) -> None:
        if self._stop.is_set():
            self._exit_code = INTERRUPTED
            self._supervisor.kill()
            return
        remark("gemini-balance: stopping; once more to stop at once")
        self._stop.set()


async def _has_client_token(admin: AdminClient) -> bool:
    async for token in admin.list_tokens():
        # The operator's token is not for clients.
        if token.state == pb.Token.STATE_ACTIVE and "admin" not in token.scopes:
            return True
    return False


def _warn(given: GivenSettings) -> None:
    lines = (warn_of_unused(given.values), warn_of_unknown(given.dotenv_names))
    for line in filter(None, lines):
        remark(f"gemini-balance: {line}")
