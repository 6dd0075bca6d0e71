"""Bulk changes of keys on the wire: from proto to the domain, checked, and back."""

from dataclasses import replace

from gemini_balance.keypool.v1 import admin_pb2 as pb

from services.keypool.bulk_changes import Changed
from services.keypool.catalog import KeyChange, KeyFilter
from services.keypool.checking import check, read_id, read_ids, read_tags, read_text
from services.keypool.wire_admin import KEY_FIELDS, read_fields, read_filter_pool, read_filter_state

_MOST_KEYS = 1_000
_STATES = {
    pb.BatchUpdateKeysRequest.ACTION_UNSPECIFIED: None,
    pb.BatchUpdateKeysRequest.ACTION_PAUSE: "paused",
    pb.BatchUpdateKeysRequest.ACTION_RESUME: "active",
    pb.BatchUpdateKeysRequest.ACTION_DELETE: "removed",
}


def read_named(request: pb.BatchUpdateKeysRequest) -> tuple[str, ...]:
    """Return the keys that are named, none when a filter selects them."""
    key_ids = read_ids(request.key_ids, "key_ids", _MOST_KEYS)
    is_one = bool(key_ids) != request.HasField("filter")
    check("key_ids", "must be given, or else a filter", ok=is_one)
    check("page_token", "goes with a filter", ok=not key_ids or not request.page_token)
    return key_ids


def read_filter(request: pb.BatchUpdateKeysRequest) -> tuple[str, KeyFilter]:
    """Return the pool of the keys that are meant, empty for all, and what they have in common."""
    message = request.filter
    project = message.project_id
    wanted = KeyFilter(
        state=read_filter_state(message.state),
        tag=read_text(message.tag, "filter.tag", 64),
        project_id=read_id(project, "filter.project_id") if project else "",
    )
    is_any = bool(message.pool) or wanted != KeyFilter()
    check("filter", "must name a pool, a state, a tag or a project", ok=is_any)
    return read_filter_pool(message.pool), wanted


def read_change(request: pb.BatchUpdateKeysRequest) -> KeyChange:
    """Return what to change."""
    paths, action = set(request.update_mask.paths), request.action
    rule = f"must name some of {', '.join(sorted(KEY_FIELDS))}"
    check("update_mask", rule, ok=paths <= KEY_FIELDS)
    check("action", "is not known", ok=action in _STATES)
    add, drop = read_tags(request.add_tags, "add_tags"), read_tags(request.drop_tags, "drop_tags")
    has_tags = bool(add or drop)
    check("add_tags", "cannot go with new tags", ok=not (has_tags and "tags" in paths))
    check("update_mask", "nothing is to be changed", ok=bool(paths or has_tags or action))
    deletes = action == pb.BatchUpdateKeysRequest.ACTION_DELETE
    check("action", "removed keys cannot be changed", ok=not (deletes and (paths or has_tags)))
    fields = read_fields(request.key, paths, request.proxy_url)
    return replace(fields, state=_STATES[action], add_tags=add, drop_tags=drop)


def write_changed(changed: Changed) -> pb.BatchUpdateKeysResponse:
    """Return what became of keys."""
    return pb.BatchUpdateKeysResponse(
        changed_count=changed.changed,
        seeded_key_ids=changed.seeded,
        skipped_key_ids=changed.skipped,
        examined_count=changed.examined,
        total_count=changed.total,
        next_page_token=changed.next_page,
    )
