"""Finds the number of the project in an upstream error body, where Google tells it."""

import re

from services.judging.error_body import read_error_details

_CONSUMER = re.compile(r"projects/(\d{4,20})")
# Anchored: what stands further on in a message may quote the request.
_OLD_FORM = re.compile(
    r"Quota exceeded for quota metric '[^']*' and limit '[^']*' of service '[^']*' "
    r"for consumer 'project_number:(\d{4,20})'"
)


def project_number(body: bytes) -> str | None:
    """Return the number of the key's project, None when the body does not tell it.

    It stands in `metadata.consumer` of an ErrorInfo, and in the sentence that quota errors
    were before 2025. Total, as judging is.
    """
    if b"projects/" not in body and b"project_number:" not in body:
        return None
    message, details = read_error_details(body)
    for detail in details:
        metadata = detail.get("metadata")
        consumer = metadata.get("consumer") if isinstance(metadata, dict) else None
        if isinstance(consumer, str) and (found := _CONSUMER.fullmatch(consumer)):
            return found.group(1)
    found = _OLD_FORM.match(message)
    return found.group(1) if found else None
