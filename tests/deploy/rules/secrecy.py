"""No secret stands where others can read it."""

import re
from collections.abc import Iterator

from services.kit.demo_secrets import MARK
from tests.deploy.rules.settings import plain_environment, secret_files, secret_names
from tests.support.manifests import Objects, containers, name_of, of_kind, service_of, workloads

# A user with a password in a URL, Google's keys, private keys.
_SECRET = re.compile(r"://[^/\s]*:[^/\s]+@|AIza[\w-]{30}|-----BEGIN [A-Z ]*PRIVATE KEY")


def broken(objects: Objects) -> Iterator[str]:
    """Yield secrets outside of files, and secrets of a real installation in a manifest."""
    for workload in workloads(objects):
        for container in containers(workload):
            if service := service_of(workload):
                for name in plain_environment(objects, container):
                    if name in secret_names(service):
                        yield f"{name_of(workload)} has {name} in its environment"
            for row in container.get("env", ()):
                if "valueFrom" in row:
                    yield f"{name_of(workload)} takes {row['name']} from elsewhere"
    for each in objects:
        if each["kind"] != "Secret" and _SECRET.search(str(each)):
            yield f"{name_of(each)} holds a secret"
    for secret in of_kind(objects, "Secret"):
        for name, content in secret_files(objects, secret["metadata"]["name"]).items():
            # Keys of the demo open nothing; a hash is no password.
            if content and name not in {"API_KEYS", "users.acl"} and MARK not in content:
                yield f"{name_of(secret)} holds {name}"
