"""The names of everything that the files service keeps in Redis.

All of it shares one hash tag, so that one script may touch it on a cluster. Scripts
get the prefix as their only key and derive the rest from `PARTS`.
"""

PREFIX = "gb:1:{files}:"
"""What all names begin with: the version of the layout, and the hash tag."""

PARTS = {
    # hash by digest of an upload's id: everything about it; ends an hour after the upload
    "upload": "u:",
    # string by upload: bytes that do not fill a granule yet; ends with the upload
    "tail": "t:",
    # hash: upload -> bytes of its tail, and its owner
    "tails": "tl",
    # hash: owner -> bytes of all tails of uploads of this client
    "owner_tails": "ot",
    # string: bytes of all tails
    "tail_bytes": "tb",
    # zset: open upload -> its end, ms
    "ends": "e",
    # zset by pool and client: open upload -> its end, ms; ends an hour after the last of them
    "open": "n:",
    # string by digest of a request: the sealed id of the upload that it made; 1 h
    "request": "q:",
    # string by pool and name: a file as JSON; ends when Google drops the file
    "file": "f:",
    # zset by pool and client: name of a file -> when it was made, ms
    "owned": "o:",
    # zset by pool: the same of all clients
    "pooled": "p:",
    # hash by pool and name: project -> a copy there as JSON; ends with the file
    "copies": "c:",
    # string by pool, name, generation and project: who makes the copy; ends when its holder stops
    # renewing
    "making": "m:",
    # zset: id of what is kept -> when it is to be dropped, ms
    "kept": "k",
    # zset: id of what was dropped -> when to drop what came late, ms
    "dropped": "d",
    # hash by digest of a medium's id: what is known of it; ends with the medium
    "medium": "n:",
    # string by the same: its bytes, unless they are kept elsewhere; ends with the medium
    "medium_bytes": "nb:",
    # zset: medium whose bytes are here -> its end, ms
    "media_ends": "ne",
    # hash: the same -> its size
    "media_sizes": "ns",
    # string: bytes of them all
    "media_total": "nt",
    # string by digest of an answer's name and owner: the answer, sealed; ends with it
    "answer": "a:",
    # hash: answer -> its bytes and its owner, until it is counted out
    "answer_rows": "ar",
    # zset: answer -> its end, ms
    "answer_ends": "ae",
    # zset by pool and client: the same of this client's; its last answer leaves none
    "answers_owned": "ao:",
    # hash: owner -> bytes of all answers of this client
    "owner_answers": "oa",
    # string: bytes of all answers
    "answer_bytes": "ab",
}
"""Parts: what the scripts call them -> what stands behind the prefix."""


def key(part: str, name: str = "") -> str:
    """Return the name of one part."""
    return PREFIX + PARTS[part] + name


def file_id(pool: str, name: str) -> str:
    """Return what a file is kept under."""
    return f"{pool}/{name}"


def owner_id(pool: str, client_id: str) -> str:
    """Return what the list of a client's files is kept under."""
    return f"{pool}/{client_id}"
