"""Kubernetes and what a node of it needs, built from their sources as Go modules.

Each folder in `programs` pins its modules, with their sums. Building all of them takes a quarter of
an hour on two cores; what is built stays in a cache.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent / "programs"
KUBERNETES = "1.37.2"
_VERSION = "k8s.io/component-base/version"


@dataclass(frozen=True)
class _Source:
    """A folder in `programs`, and the programs in it by their import paths."""

    folder: str
    programs: dict[str, str]
    flags: str = "-s -w"


_SOURCES = (
    _Source(
        "kubernetes",
        {
            name: f"k8s.io/kubernetes/cmd/{name}"
            for name in (
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kube-proxy",
                "kubelet",
            )
        },
        f"-s -w -X {_VERSION}.gitVersion=v{KUBERNETES} -X {_VERSION}.gitTreeState=clean",
    ),
    _Source("etcd", {"etcd": "go.etcd.io/etcd/server/v3"}),
    _Source("coredns", {"coredns": "github.com/coredns/coredns"}),
    _Source(
        "containerd",
        {
            name: f"github.com/containerd/containerd/v2/cmd/{name}"
            for name in ("containerd", "containerd-shim-runc-v2", "ctr")
        },
        "-s -w -X github.com/containerd/containerd/v2/version.Version=v2.4.2",
    ),
)


def programs_folder() -> Path:
    """Return where the programs are, for these versions of them."""
    pins = b"".join(path.read_bytes() for path in sorted(_HERE.rglob("go.mod")))
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return cache / "gemini-balance" / f"cluster-{hashlib.sha256(pins).hexdigest()[:12]}"


def build_programs() -> None:
    """Build what is not built yet."""
    if shutil.which("go") is None:
        sys.exit("this needs Go, to build Kubernetes")
    place = programs_folder()
    place.mkdir(parents=True, exist_ok=True)
    for source in _SOURCES:
        for name, path in source.programs.items():
            if not (place / name).exists():
                print(f"building {name}", flush=True)
                _build(source, path, place / name)


def _build(source: _Source, path: str, target: Path) -> None:
    tags = "no_btrfs,no_devmapper,no_zfs,no_aufs"
    command = ["go", "build", "-mod=readonly", "-trimpath", "-tags", tags]
    command += ["-ldflags", source.flags, "-o", f"{target}.new", path]
    subprocess.run(
        command, cwd=_HERE / source.folder, env=os.environ | {"CGO_ENABLED": "0"}, check=True
    )
    Path(f"{target}.new").rename(target)
