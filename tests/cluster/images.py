"""The images that the demo names, built here under their very names.

Valkey's own image is not to be had without a registry: the one here has its server on the product's
base, and Redis' client for the probes.
"""

import subprocess
from pathlib import Path

from tests.cluster.building import programs_folder
from tests.deploy.try_image import BASE, IMAGE, STORE, build
from tests.support.manifests import containers, rendered, workloads

PAUSE = "localhost/pause:1"


def images_folder() -> Path:
    """Return where the archives are."""
    return programs_folder() / "images"


def build_images() -> None:
    """Build the product's image and the others, each into an archive."""
    build()
    [product, store] = sorted(
        {
            container["image"]
            for workload in workloads(rendered("demo"))
            for container in containers(workload)
        },
        key=lambda name: "valkey" in name,
    )
    images_folder().mkdir(exist_ok=True)
    _save(IMAGE, f"docker.io/library/{product}", "product")
    _save(_pause(), PAUSE, "pause")
    _save(_store(), store, "store")


def _pause() -> str:
    container = _run("buildah", "from", BASE)
    _run("buildah", "config", "--entrypoint", '["/usr/bin/sleep", "infinity"]', container)
    return _commit(container, PAUSE)


def _store() -> str:
    container = _run("buildah", "from", BASE)
    product = _run("buildah", "from", IMAGE)
    [program] = Path(_run("buildah", "mount", product)).glob(f"{STORE[1:]}/valkey-server")
    _run("buildah", "copy", container, str(program), "/usr/local/bin/valkey-server")
    _run("buildah", "rm", product)
    # The probes' client speaks the same protocol.
    install = "apt-get update && apt-get install --yes --no-install-recommends redis-tools"
    link = "ln -s redis-cli /usr/bin/valkey-cli"
    _run("buildah", "run", "--isolation=chroot", container, "sh", "-c", f"{install} && {link}")
    return _commit(container, "localhost/store:1")


def _commit(container: str, name: str) -> str:
    _run("buildah", "commit", "--quiet", "--rm", container, name)
    return name


def _save(image: str, name: str, archive: str) -> None:
    target = images_folder() / f"{archive}.tar"
    target.unlink(missing_ok=True)
    _run("buildah", "push", "--quiet", image, f"docker-archive:{target}:{name}")


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
