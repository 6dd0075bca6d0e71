"""How a project stands with a model, in words for people."""

from datetime import datetime

from services.keypool.model import RefusalReason, Standing, Window, WindowKind
from services.keypool.quotas import dry_time
from services.keypool.store import StandingRow


def standing_of(row: StandingRow, now: datetime) -> Standing:
    """Tell whether a project could be chosen at `now`, and what is left of its limits."""
    reason, until, detail = _verdict(row, now)
    return Standing(
        project_id=row.project_id,
        reason=reason,
        until=until,
        detail=detail,
        windows=row.windows,
        live_keys=row.live_keys,
        in_flight=row.in_flight,
        dry_time=_dry_time(row, now),
    )


def _verdict(row: StandingRow, now: datetime) -> tuple[RefusalReason | None, datetime | None, str]:
    if row.live_keys == 0:
        return RefusalReason.NO_LIVE_KEY, None, "no live key"
    if row.project_cool_until is not None and row.project_cool_until > now:
        return RefusalReason.QUOTA, row.project_cool_until, "cooling for all models"
    if any(window.limit == 0 for window in row.windows):
        return RefusalReason.MODEL_ABSENT, None, "the model is declared not to be offered"
    if row.cool_until is not None and row.cool_until > now:
        if row.is_absent:
            return RefusalReason.MODEL_ABSENT, row.cool_until, "does not offer the model"
        detail = "cooling, for a guessed time" if row.is_guess else "cooling"
        return RefusalReason.QUOTA, row.cool_until, detail
    if row.fits_at is None:
        return RefusalReason.TOO_LARGE, None, "the request is larger than its token limit"
    if row.fits_at > now:
        return RefusalReason.QUOTA, row.fits_at, "at its limit"
    if row.is_full:
        return RefusalReason.IN_FLIGHT, None, "every key has as many requests as it may have"
    return None, None, f"{row.live_keys} live keys"


def _dry_time(row: StandingRow, now: datetime) -> datetime | None:
    day = _find(row, WindowKind.REQUESTS_PER_DAY)
    return dry_time(day.used, day.limit, row.pace, now) if day else None


def _find(row: StandingRow, kind: WindowKind) -> Window | None:
    return next((window for window in row.windows if window.kind is kind), None)
