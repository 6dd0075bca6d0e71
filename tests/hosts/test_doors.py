"""Who may talk to a service: nobody without a certificate, or with another's."""

import socket
from typing import Any

import grpc
import pytest
from gemini_balance.keypool.v1 import admin_pb2 as pb
from gemini_balance.keypool.v1 import admin_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.hosts.cluster import Cluster
from tests.support.certificates import authority, tls_contents

_PORTS = {"keypool": 50051, "files": 50052}
_KNOWN = {
    "edge": {8000, 9090},
    "keypool": {50051, 9090},
    "files": {50052, 9090},
}


async def test_nobody_gets_in_without_a_certificate_of_ours(cluster: Cluster) -> None:
    stranger = tls_contents(authority("two"), "edge")
    ours = cluster.authority.pair.cert
    for service in ("keypool", "files"):
        target = f"{service}-headless:{_PORTS[service]}"
        channels = {
            "plain": grpc.aio.insecure_channel(target),
            "no certificate": grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(ours)),
            "another's": grpc.aio.secure_channel(
                target,
                grpc.ssl_channel_credentials(ours, stranger["tls.key"], stranger["tls.crt"]),
            ),
        }
        for name, channel in channels.items():
            async with channel:
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    health: Any = health_pb2_grpc.HealthStub(channel)
                    await health.Check(health_pb2.HealthCheckRequest(), timeout=3)
            assert refused.value.code() in {
                grpc.StatusCode.UNAVAILABLE,
                grpc.StatusCode.DEADLINE_EXCEEDED,
            }, name


async def test_a_certificate_opens_what_its_name_may_and_no_more(cluster: Cluster) -> None:
    own = tls_contents(cluster.authority, "edge")
    credentials = grpc.ssl_channel_credentials(
        cluster.authority.pair.cert, own["tls.key"], own["tls.crt"]
    )
    async with grpc.aio.secure_channel("keypool-headless:50051", credentials) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await admin_pb2_grpc.KeyAdminServiceStub(channel).ListKeys(
                pb.ListKeysRequest(pool="default"), timeout=5
            )
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_no_port_is_open_that_is_not_meant_to_be(cluster: Cluster) -> None:
    for deployment in cluster.deployments():
        address = deployment.replicas[0].host.address
        found = {port for port in range(1, 65536) if _is_open(address, port)}
        assert found == _KNOWN[deployment.name]


def _is_open(address: str, port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((address, port)) == 0
