"""What the key pool counts. Labels are bounded: no ids, and the first pools and models only."""

from prometheus_client import Counter, Gauge

GRANTED = Counter("keypool_leases_granted_total", "Leases granted.")
REFUSED = Counter("keypool_refusals_total", "Orders that got fewer leases.", ["reason"])
SETTLED = Counter("keypool_settlements_total", "Outcomes reported.", ["outcome", "kind"])
VERDICTS = Counter("keypool_verdicts_total", "Failures by the rule that judged them.", ["rule"])
UNREADABLE = Counter("keypool_unreadable_secrets_total", "Leases lost to a damaged secret.")
SEEDINGS = Counter("keypool_seedings_total", "Times that keys and tokens came from the settings.")
FROZEN = Counter(
    "keypool_frozen_rules_total",
    "Times that a failure met so many keys that none was blamed.",
    ["rule"],
)

LOSSES = Counter("keypool_store_losses_total", "Times that the store was found without its data.")

REMEMBERED = Counter(
    "keypool_states_remembered_total", "Quota states kept in memory for when the store loses them."
)

KEYS = Gauge("keypool_keys", "Keys by their state.", ["pool", "state"])
PROJECTS = Gauge("keypool_projects", "Projects with a key in use.", ["pool"])
PROJECTS_WAITING = Gauge(
    "keypool_projects_waiting",
    "Projects that are at a limit, cool down or are busy, so that a model has to wait for them.",
    ["pool", "model"],
)

CLOCK_AHEAD = Gauge(
    "keypool_store_clock_ahead_seconds",
    "By how much the store's clock is ahead of this process's, at least; negative when behind.",
)
CLOCK_ALARMS = Counter(
    "keypool_clock_alarms_total", "Answers of the store whose clock was more than 1 s off."
)
