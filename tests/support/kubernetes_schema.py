"""The strict schemas of Kubernetes out of kubernetes-validate, read once for each release.

Its own `validate` reads the definitions of a whole release anew for each object.
"""

import functools
import re
from typing import Any

from jsonschema import Draft202012Validator
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource

from tests.support.manifests import Object


class UnknownKindError(Exception):
    """A release of Kubernetes has no such kind in that version of its API."""


def faults(thing: Object, release: str) -> list[str]:
    """Return what a release would not accept of an object, unknown fields included.

    Raises:
        UnknownKindError: It is of somebody else's kind.
    """
    # Files leave out the domain: `networking.k8s.io/v1` is `networking-v1` there.
    version = re.sub(r"^([^./]*)(\.[^/]*)?/", r"\1-", thing["apiVersion"])
    validator = _validator(f"{thing['kind'].lower()}-{version}", release)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(thing)]


@functools.cache
def _validator(name: str, release: str) -> Draft202012Validator:
    try:
        schema = _read(f"{name}.json", release)
    except FileNotFoundError as error:
        raise UnknownKindError(name) from error
    return Draft202012Validator(schema, registry=_definitions(release))


@functools.cache
def _definitions(release: str) -> Registry[Any]:
    resource = Resource.from_contents(_read("_definitions.json", release))
    return (resource @ Registry()).crawl()


def _read(file: str, release: str) -> Any:
    return schema_contents(f"kubernetes-json-schema/v{release}.0-local-strict/{file}", release)
