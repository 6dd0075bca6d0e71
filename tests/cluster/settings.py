"""The files that the programs of the node read, and what is in an empty cluster of ours."""

import json
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.cluster.sandbox import ADDRESS

NODE = "node-1"
PODS, SERVICES, NAME_SERVER = "10.244.0.0/16", "10.96.0.0/16", "10.96.0.10"
USERS = {
    # user: groups
    "admin": "system:masters",
    f"system:node:{NODE}": "system:nodes",
}

_COREFILE = f"""\
.:53 {{
    bind {ADDRESS}
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig %s
    }}
}}
"""
_CONTAINERD = """\
version = 3
root = "{place}/containerd"
state = "/run/containerd"
[grpc]
  address = "{place}/containerd.sock"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "localhost/pause:1"
[plugins.'io.containerd.cri.v1.runtime']
  # A machine that is a container itself may not set the scores below its own.
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["/usr/lib/cni"]
  conf_dir = "{place}/network"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
"""
_NETWORK = {
    "cniVersion": "1.0.0",
    "name": "pods",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "pods0",
            "isGateway": True,
            "ipMasq": True,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": "10.244.0.0/24"}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}


def write(place: Path, tokens: dict[str, str]) -> None:
    """Write the files.

    Args:
        place: Where to.
        tokens: The secret of each user.
    """
    rows = [f'{token},{user},{user},"{USERS[user]}"\n' for user, token in tokens.items()]
    (place / "tokens.csv").write_text("".join(rows))
    for name, user in (("admin", "admin"), ("node", f"system:node:{NODE}")):
        _write(place / f"{name}.yaml", _kubeconfig(tokens[user]))
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (place / "accounts.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    (place / "Corefile").write_text(_COREFILE % (place / "admin.yaml"))
    (place / "containerd.toml").write_text(_CONTAINERD.format(place=place))
    (place / "resolv.conf").write_text(f"nameserver {ADDRESS}\n")
    (place / "network").mkdir()
    (place / "network/pods.conflist").write_text(json.dumps(_NETWORK))
    _write(place / "kubelet.yaml", _kubelet(place))
    _write(place / "proxy.yaml", _proxy(place))


def objects(place: Path) -> list[dict[str, Any]]:
    """Return what a cluster has before anything is applied: a name server, a volume."""
    ports = [{"name": kind.lower(), "protocol": kind, "port": 53} for kind in ("UDP", "TCP")]
    names = {"name": "kube-dns", "namespace": "kube-system"}
    data = place / "volume"
    data.mkdir()
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": names,
            "spec": {"clusterIP": NAME_SERVER, "ports": ports},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": names | {"labels": {"kubernetes.io/service-name": "kube-dns"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [ADDRESS]}],
            "ports": ports,
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": "volume-1"},
            "spec": {
                "capacity": {"storage": "8Gi"},
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain",
                "local": {"path": str(data)},
                "nodeAffinity": {
                    "required": {
                        "nodeSelectorTerms": [
                            {
                                "matchExpressions": [
                                    {
                                        "key": "kubernetes.io/hostname",
                                        "operator": "In",
                                        "values": [NODE],
                                    }
                                ]
                            }
                        ]
                    }
                },
            },
        },
    ]


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(content))


def _kubeconfig(token: str) -> dict[str, Any]:
    # Its certificate is made at its start; nobody else is in this network.
    cluster = {"server": "https://127.0.0.1:6443", "insecure-skip-tls-verify": True}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": cluster}],
        "users": [{"name": "me", "user": {"token": token}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "current-context": "here",
    }


def _kubelet(place: Path) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "clusterDNS": [NAME_SERVER],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{place}/containerd.sock",
        "enforceNodeAllocatable": [],
        # A machine that is nearly full is still good enough for this.
        "evictionHard": {"nodefs.available": "0%", "imagefs.available": "0%"},
        "failCgroupV1": False,
        "failSwapOn": False,
        "imageGCHighThresholdPercent": 100,
        "resolvConf": f"{place}/resolv.conf",
        "volumePluginDir": f"{place}/plugins",
    }


def _proxy(place: Path) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": f"{place}/admin.yaml"},
        "clusterCIDR": PODS,
        "conntrack": {"maxPerCore": 0},
        "hostnameOverride": NODE,
        "mode": "iptables",
    }
