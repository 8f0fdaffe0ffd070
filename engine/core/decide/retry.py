"""Whether and when a failed call is made again.

Source: Serverless Workflow 0.8, "Retry Definition"; 0.9 settles increment before multiplier.
"""

from engine.model.program import Retry
from schemas.events.parts import Error

MAX_DELAY_MS = 366 * 24 * 3600 * 1000
"""No retry is put off for more than a year, whatever the multiplier makes of the delay."""


def retry_delay_ms(policy: Retry | None, error: Error, attempt: int, chance: float) -> int | None:
    """The delay before the next attempt, None when there is none. `attempt` is the number of the
    attempt that failed, from 1; `chance` in [0, 1) decides the jitter."""
    if policy is None or attempt > policy.max_attempts or not _covers(policy, error):
        return None
    delay = float(policy.delay_ms + policy.increment_ms * (attempt - 1))
    try:
        delay *= policy.multiplier ** (attempt - 1)
    except OverflowError:
        delay = float(MAX_DELAY_MS) if delay else 0.0
    if policy.max_delay_ms is not None:
        delay = min(delay, policy.max_delay_ms)
    spread = policy.jitter_ms + policy.jitter_share * delay
    return int(min(delay + chance * spread, MAX_DELAY_MS))


def _covers(policy: Retry, error: Error) -> bool:
    codes = {error.code, *error.aliases}
    if codes & set(policy.excluded_codes) or "*" in policy.excluded_codes:
        return False
    return policy.codes is None or bool(codes & set(policy.codes)) or "*" in policy.codes
