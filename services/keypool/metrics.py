"""What the key pool counts. Labels are bounded: no ids, no models."""

from prometheus_client import Counter

GRANTED = Counter("keypool_leases_granted_total", "Leases granted.")
REFUSED = Counter("keypool_refusals_total", "Orders that got fewer leases.", ["reason"])
SETTLED = Counter("keypool_settlements_total", "Outcomes reported.", ["outcome", "kind"])
VERDICTS = Counter("keypool_verdicts_total", "Failures by the rule that judged them.", ["rule"])
UNREADABLE = Counter("keypool_unreadable_secrets_total", "Leases lost to a damaged secret.")
SEEDINGS = Counter("keypool_seedings_total", "Times that keys and tokens came from the settings.")
