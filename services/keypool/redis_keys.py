"""The names of everything that the key pool keeps in Redis.

All names begin with the version of the layout. What belongs to one pool shares
one hash tag, so that one script may touch it on a cluster; pools may live on
different shards. Scripts get a pool's prefix as their only key and derive the
rest from `POOL_PARTS`.
"""

VERSION = "gb:1:"

META = f"{VERSION}meta"
"""Hash: the sign that this Redis was set up, and the sealed peppers. Kept for ever."""

POOLS = f"{VERSION}pools"
"""Set of the names of pools. Kept for ever."""

EGRESS = f"{VERSION}egress"
"""Sorted set: way out -> until when it is blocked, ms."""

TOKENS = f"{VERSION}{{tokens}}:"
"""Prefix of everything about client tokens."""

TOKEN_IDS = f"{TOKENS}ids"
"""Sorted set of all token ids, in the order of their names. Kept for ever."""

POOL_PARTS = {
    # zset by model: project -> its rank, or while it waits a lower bound of the next time it can
    # be used, ms; and the highest admission number that entered
    "order": "m:",
    # packed string by number of a model and project: rank, cool-down, the day's count, limits
    # learned, charges
    "state": "S",
    # zset: project -> admission number, for projects with a live key
    "admitted": "all",
    # zset by project: its live keys -> rank
    "live": "l:",
    # hash by project: cool-down of the whole project, tier, weight, origin, audit lines; a key's
    # own project has one only when there is something to say
    "project": "p:",
    # zset by project: its live keys of a weight of more than 1 -> weight
    "heavy": "h:",
    # zset of all projects in the order of their names, but for those that are just one key's own
    "projects": "ps",
    # set by project: its keys, but for the one whose own project it is
    "members": "M:",
    # hash: project that was merged -> the project that goes on. Kept: resources and leases
    # may name the old one for long
    "merged": "mg",
    # hash: digest of a project's number at the upstream -> project
    "numbers": "pn",
    # hash: `p/<project>/<model>` or `t/<tier>/<model>` -> declared limits as JSON
    "quotas": "q",
    # hash: what the quota file declared -> value; `quotas` fields, `tier/<project>`, `key/<key>`
    "filed": "qf",
    # hash: `<way out>/projects`, `/tags` -> JSON lists, `/proxies` -> sealed
    "egresses": "eg",
    # zset by model: undeclared project -> when it was last refused for quota, ms
    "refusals": "R:",
    # hash: pair of projects -> how often, and when last, they were refused together
    "pairs": "pp",
    # string by pair of projects: they were compared today
    "compared": "pc:",
    # hash by model: project or tier -> limits that its declarations come to
    "limits": "lm:",
    # zset by model: project that is short of tokens -> tokens left when last touched
    "short": "t:",
    # zset of models in use -> when each was first met
    "models": "ms",
    # set by project: models in which it waits for a request in flight to end
    "parked": "i:",
    # string by model and hash: the project that served it last
    "affinity": "a:",
    # zset by model: number of a reserved lease -> when it may start, ms
    "ahead": "A:",
    # zset by model: client that waits -> until when, ms
    "waiting": "y:",
    # zset by rule: key that failed so -> when, ms
    "faults": "F:",
    # string by rule: it harms nobody while this lasts
    "frozen": "fz:",
    # hash by key: everything about it; `used` is when, in s, `ok` and `bad` how often
    "key": "k:",
    # zset of all keys in the order of their names
    "key_ids": "ks",
    # zset by key: number of an open lease -> its end, the only record of an open lease. It goes
    # with the last of them; ends by itself once the key is out of use
    "leases": "L:",
    # zset by key: number of a lease that lapsed unsettled -> when it was found
    "lapsed": "Z:",
    # hash: clock, lease number, admission number, withdrawal epoch, version of the declared
    # limits; until when any project cools, whether any key has a priority or a weight;
    # `M/<model>` -> number of the model, pass of its rotation, when its order was last kept
    "counters": "n",
    # zset: what was withdrawn -> the epoch
    "withdrawn": "w",
    # string by request: the reply kept for a repeated call
    "reply": "r:",
    # string by report: a use without a lease that was counted
    "report": "u:",
    # string by resource: project, owner, times
    "binding": "b:",
    # zset by client: its resources -> when they were bound
    "owned": "o:",
    # hash by limited client: its limits, and what it has used of them
    "client": "c:",
    # hash by bucket of time: key, client or model -> counts of what was used
    "usage": "U:",
}
"""Parts of a pool: what the scripts call them -> what stands behind the prefix."""


def pool_prefix(pool: str) -> str:
    """Return what all names of a pool begin with."""
    return f"{VERSION}{{{pool}}}:"


def pool_key(pool: str, part: str, name: str = "") -> str:
    """Return the name of one part of a pool."""
    return pool_prefix(pool) + POOL_PARTS[part] + name


def token_key(token_id: str) -> str:
    """Return the name of a token's hash. Kept for ever: revoked ones are tombstones."""
    return f"{TOKENS}t:{token_id}"
