"""The product on hosts of its own: two of each service, a store that fails over, certificates."""

import contextlib
import datetime
import json
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from services.cli.certificates import Authority, Names
from services.simulator.control import SimulatorControl
from tests.hosts.deployment import OPS_PORT, Deployment
from tests.hosts.host import Host
from tests.hosts.names import ClusterNames, cluster_names
from tests.hosts.store import Store, running_store
from tests.support.certificates import ID, authority, tls_files, tls_settings
from tests.support.mounted import Mounted
from tests.support.system import Process, wait_for_http

URL = "http://edge:8000"
SIMULATOR_PORT = 8080
_CALLS = "grpc_server_handled_total"
PYTHON = (sys.executable, "-m")
_ROOT = Path(__file__).resolve().parents[2]
_SCOPES = {"edge": ["lease", "files", "act-as"], "files": ["lease", "act-as"]}


@dataclass
class Cluster:
    """What runs.

    Attributes:
        token: A client's.
        edge: The HTTP edge; clients reach it at `URL`.
        keypool: The key pool.
        files: The files service.
        store: Valkey and its Sentinels.
        names: Which addresses are published.
        certificates: What each service has mounted, by its name.
        live_settings: Those of the edge that change while it runs.
        authority: Issued them.
        simulator: Where the upstream is.
    """

    token: str
    edge: Deployment
    keypool: Deployment
    files: Deployment
    store: Store
    names: ClusterNames
    certificates: Mapping[str, Mounted]
    live_settings: Mounted
    authority: Authority
    simulator: str

    def control(self) -> SimulatorControl:
        """Return the simulator's control plane."""
        return SimulatorControl(self.simulator)

    def deployments(self) -> tuple[Deployment, ...]:
        """Return all services of the product."""
        return self.edge, self.keypool, self.files

    async def calls(self, deployment: Deployment) -> dict[str, float]:
        """Return how many calls each replica of a service has answered, by its name."""
        found = {}
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            for replica in deployment.replicas:
                answer = await client.get(f"http://{replica.host.address}:{OPS_PORT}/metrics")
                lines = answer.text.splitlines()
                found[replica.host.name] = sum(
                    float(line.rpartition(" ")[2]) for line in lines if line.startswith(_CALLS)
                )
        return found

    def issue(self, service: str) -> None:
        """Mount a new certificate for a service in the place of the old one."""
        self.certificates[service].put(_certificate(self.authority, service))


def _certificate(issuer: Authority, service: str) -> dict[str, bytes]:
    names = Names(ID.format(service), [service, f"{service}-headless"], ["127.0.0.1"])
    pair = issuer.issue(names, lives=datetime.timedelta(hours=1))
    return {"tls.crt": pair.cert, "tls.key": pair.key, "ca.crt": issuer.pair.cert}


@contextlib.asynccontextmanager
async def running_cluster(folder: Path) -> AsyncIterator[Cluster]:
    """Run a cluster of two replicas each for the length of the block."""
    token = f"sk-{secrets.token_hex(16)}"
    keys = [{"key": f"AIza{secrets.token_hex(17)}", "project": f"p{n}"} for n in range(20)]
    issuer = authority()
    certificates = {
        service: Mounted(folder / f"{service}-tls", _certificate(issuer, service))
        for service in ("edge", "keypool", "files")
    }
    live_settings = Mounted(folder / "live", {"edge.env": ""})
    identities = json.dumps(
        [
            {"name": service, "san": ID.format(service), "scopes": scopes}
            for service, scopes in _SCOPES.items()
        ]
    )
    async with contextlib.AsyncExitStack() as stack:
        names = await stack.enter_async_context(cluster_names())
        names.balanced.add("edge")
        store = stack.enter_context(running_store(folder))
        upstream = Host("simulator", folder)
        stack.callback(upstream.close)
        upstream.start(
            [*PYTHON, "services.simulator"],
            {
                "SIMULATOR_HOST": "0.0.0.0",
                "SIMULATOR_PORT": str(SIMULATOR_PORT),
                # Streams are open for a second or two, so that things happen in their midst.
                "SIMULATOR_CHUNK_DELAY_MS": "100",
            }
            | _common(),
            folder,
        )
        simulator = f"http://{upstream.address}:{SIMULATOR_PORT}"
        assert upstream.process is not None
        wait_for_http(f"{simulator}/livez", Process(upstream.process, upstream.log))
        shared = _common() | {"BASE_URL": simulator, "DRAIN_SECONDS": "20"}
        stored = shared | {
            "REDIS_URL": store.url,
            "ENCRYPTION_KEY": secrets.token_hex(16),
            "SERVICE_IDENTITIES": identities,
        }
        settings = {
            "keypool": stored | {"API_KEYS": json.dumps(keys), "ALLOWED_TOKENS": token},
            "files": stored | {"KEYPOOL_TARGET": "dns:///keypool-headless:50051"},
            "edge": shared
            | {
                "KEYPOOL_TARGET": "dns:///keypool-headless:50051",
                "FILES_TARGET": "dns:///files-headless:50052",
                "PUBLIC_URL": URL,
                "SETTINGS_FILE": str(live_settings.path("edge.env")),
            },
        }

        def deployment(service: str, published: str) -> Deployment:
            env = settings[service] | tls_settings(tls_files(certificates[service].folder))
            made = Deployment(
                service, f"services.{service}", (published,), lambda _: env, names, folder, PYTHON
            )
            stack.push_async_callback(made.close)
            return made

        keypool = deployment("keypool", "keypool-headless")
        files = deployment("files", "files-headless")
        edge = deployment("edge", "edge")
        for each in (keypool, files, edge):
            await each.scale(2)
        yield Cluster(
            token,
            edge,
            keypool,
            files,
            store,
            names,
            certificates,
            live_settings,
            issuer,
            simulator,
        )


def _common() -> dict[str, str]:
    return {
        "PYTHONPATH": str(_ROOT),
        "LOG_LEVEL": "INFO",
        "LOG_AS_JSON": "true",
        "OPS_PORT": str(OPS_PORT),
    }
