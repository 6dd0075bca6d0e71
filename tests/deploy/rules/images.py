"""Images say exactly what runs."""

import importlib.metadata
import re
from collections.abc import Iterator

from tests.support.manifests import Objects, containers, name_of, service_of, workloads

_PINNED = re.compile(r"(?P<name>[^:@]+(:\d+/[^:@]+)?):(?P<tag>v?\d+\.\d+\.\d+[^@]*)(@sha256:\w+)?")


def broken(objects: Objects) -> Iterator[str]:
    """Yield images without a whole version, and services that do not share the one image."""
    ours = set()
    for workload in workloads(objects):
        for container in containers(workload):
            image = container["image"]
            found = _PINNED.fullmatch(image)
            if found is None:
                yield f"{name_of(workload)} runs some {image}"
                continue
            if service_of(workload):
                ours.add(image)
                if found["tag"] != importlib.metadata.version("gemini-balance"):
                    yield f"{name_of(workload)} runs another version: {image}"
            if container.get("imagePullPolicy") != "IfNotPresent":
                yield f"{name_of(workload)} cannot run an image that was loaded into its node"
    if len(ours) > 1:
        yield f"services run different images: {sorted(ours)}"
