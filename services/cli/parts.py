"""How each part is run under `up`: its command, its environment, its readiness."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from services.cli import probes
from services.cli.child import ChildSpec
from services.cli.dotenv_file import GivenSettings
from services.cli.known_settings import Part, names_read_by
from services.cli.layout import Layout
from services.cli.secrets_store import LocalSecrets
from services.cli.up_settings import UpSettings

# What programs and libraries need of their surroundings, on top of settings.
_INHERITED = """
    HOME KUBERNETES_SERVICE_HOST LANG LANGUAGE LD_LIBRARY_PATH LOGNAME NO_COLOR PATH
    REQUESTS_CA_BUNDLE TERM TMPDIR TZ USER VIRTUAL_ENV HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy
    https_proxy all_proxy
""".split()  # noqa: SIM905  # one name a line would bury the rest
_INHERITED_PREFIXES = ("GRPC_", "LC_", "OTEL_", "PYTHON", "SSL_CERT_")

_CLOUD_PREFIXES = ("AWS_", "GOOGLE_")
_POD = "KUBERNETES_SERVICE_HOST"
_KEPT = "kept"
# What is said between these parts never leaves this machine.
_BETWEEN_MACHINES = {"SERVICE_IDENTITIES", "TLS_CERT_FILE", "TLS_KEY_FILE", "TLS_CA_FILE"}

# All parts together must be gone within 10 s of the order to stop.
_EDGE_DRAIN_SECONDS = 3.0
_INNER_DRAIN_SECONDS = 0.5
_DEMO_CHUNK_DELAY_MS = 60


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that the parts must be told.

    Attributes:
        given: What the operator gave.
        settings: What `up` decides.
        layout: Which part listens where.
        secrets: The secrets of the data folder.
        redis_url: The store.
        data_dir: Where parts run, so that a `.env` is not read twice.
        log_level: Their lowest level of log lines.
        lock_descriptor: Inherited by each part, so that the lock lasts as long as they do.
    """

    given: GivenSettings
    settings: UpSettings
    layout: Layout
    secrets: LocalSecrets = field(repr=False)
    redis_url: str = field(repr=False)
    data_dir: Path
    log_level: str
    lock_descriptor: int

    def keypool(self, *, demo: bool) -> ChildSpec:
        """Return how to run the key pool.

        Args:
            demo: Whether the simulator is its upstream.
        """
        env = {
            "KEYPOOL_LISTEN": self.layout.keypool.listen,
            "REDIS_URL": self.redis_url,
            "SERVICE_CREDENTIALS": self._credentials(
                {
                    "edge": (self.secrets.edge, ["lease", "act-as"]),
                    "files": (self.secrets.files, ["lease", "act-as"]),
                    # `explain` asks the data path, `import` binds files of clients there.
                    "cli": (self.secrets.cli, ["admin", "lease", "act-as"]),
                }
            ),
            "DRAIN_SECONDS": f"{_INNER_DRAIN_SECONDS:g}",
        }
        if demo:
            # Demo keys must never reach Google, nor calls on this machine a proxy.
            env |= {"BASE_URL": f"http://{self.layout.simulator.local}", "PROXIES": ""}
        defaults = {
            "ENCRYPTION_KEY": self.secrets.encryption_key,
            "AUTH_TOKEN": self.secrets.auth_token,
        }
        return self._spec(
            Part.KEYPOOL,
            env,
            defaults=defaults,
        )

    def files(self, *, demo: bool) -> ChildSpec:
        """Return how to run the files service.

        Args:
            demo: Whether the simulator is its upstream.
        """
        env = {
            "FILES_LISTEN": self.layout.files.listen,
            "REDIS_URL": self.redis_url,
            "SERVICE_CREDENTIALS": self._credentials(
                {"edge": (self.secrets.edge, ["files", "act-as"])}
            ),
            "KEYPOOL_TARGET": self.layout.keypool.local,
            "SERVICE_CREDENTIAL": self.secrets.files,
            "DRAIN_SECONDS": f"{_INNER_DRAIN_SECONDS:g}",
        }
        if demo:
            env["BASE_URL"] = f"http://{self.layout.simulator.local}"
        defaults = {"ENCRYPTION_KEY": self.secrets.encryption_key}
        # In a pod a folder is refused: there the operator must decide.
        if "FILES_STORE_URL" not in self.given.emptied and _POD not in os.environ:
            defaults["FILES_STORE_URL"] = (self.data_dir / _KEPT).as_uri()
        # The library of buckets reads credentials under the cloud's own names.
        clouds = {
            name: value
            for name, value in self.given.values.items()
            if name.startswith(_CLOUD_PREFIXES)
        }
        return self._spec(
            Part.FILES,
            {**clouds, **env},
            defaults=defaults,
        )

    def simulator(self) -> ChildSpec:
        """Return how to run the stand-in for Google."""
        env = {
            "SIMULATOR_HOST": self.layout.simulator.host,
            "SIMULATOR_PORT": str(self.layout.simulator.port),
            "DRAIN_SECONDS": f"{_INNER_DRAIN_SECONDS:g}",
        }
        return self._spec(
            Part.SIMULATOR,
            env,
            # A stream that arrives all at once would show nothing.
            defaults={"SIMULATOR_CHUNK_DELAY_MS": str(_DEMO_CHUNK_DELAY_MS)},
        )

    def edge(self, *, demo: bool) -> ChildSpec:
        """Return how to run the edge.

        Args:
            demo: Whether the simulator is its upstream.
        """
        drain = self.settings.drain_seconds
        drain = _EDGE_DRAIN_SECONDS if drain is None else drain
        env = {
            "HTTP_HOST": self.settings.http_host,
            "HTTP_PORT": str(self.layout.http.port),
            "KEYPOOL_TARGET": self.layout.keypool.local,
            "FILES_TARGET": self.layout.files.local,
            "SERVICE_CREDENTIAL": self.secrets.edge,
            "DRAIN_SECONDS": f"{drain:g}",
        }
        if demo:
            env["BASE_URL"] = f"http://{self.layout.simulator.local}"
        return self._spec(Part.EDGE, env, stop_seconds=max(1.0, drain) + 1)

    def ops_urls(self, *, demo: bool) -> dict[str, str]:
        """Return the base address of each part's ops port."""
        return {
            name: f"http://{address.local}"
            for name, address in self.layout.ops.items()
            if demo or name != "simulator"
        }

    def _spec(
        self,
        part: Part,
        env: Mapping[str, str],
        *,
        defaults: Mapping[str, str] | None = None,
        stop_seconds: float = 1.25,
    ) -> ChildSpec:
        """Assemble a part: what `up` decides wins over what was given, that over defaults."""
        name = part.value
        ops = self.layout.ops[name]
        decided = {
            **env,
            "OPS_HOST": ops.host,
            "OPS_PORT": str(ops.port),
            "LOG_LEVEL": self.log_level,
        }
        given = {
            key: value
            for key, value in self.given.subset(names_read_by(part) - _BETWEEN_MACHINES).items()
            if key.removesuffix("_FILE") not in decided
        }
        unset = {
            key: value
            for key, value in (defaults or {}).items()
            if key not in given and f"{key}_FILE" not in given
        }
        return ChildSpec(
            name=name,
            command=(sys.executable, "-m", f"services.{name}"),
            env={**_surroundings(os.environ), **unset, **given, **decided},
            probe=lambda: probes.http_ready(f"http://{ops.local}"),
            cwd=self.data_dir,
            stop_seconds=stop_seconds,
            pass_fds=(self.lock_descriptor,),
        )

    def _credentials(self, ours: Mapping[str, tuple[str, list[str]]]) -> str:
        """Return the credentials that a part accepts: ours, and those that were given."""
        rows = [
            {"name": name, "secret": secret, "scopes": scopes}
            for name, (secret, scopes) in ours.items()
        ]
        return json.dumps([*rows, *self.settings.service_credentials])


def _surroundings(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in environ.items()
        if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
    }
    # Neighbours on this machine are never reached through a proxy.
    exceptions = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    hosts = [host for host in exceptions.split(",") if host.strip()]
    kept["no_proxy"] = kept["NO_PROXY"] = ",".join([*hosts, "127.0.0.1", "localhost", "::1"])
    return kept
