"""Retry definitions -> retry policies (DSL 0.8, "Retry Definition", with autoRetries false)."""

import math
from typing import Any

from engine.dialects.cncf_v08.compilation import Compilation
from engine.dialects.cncf_v08.exits import error_code
from engine.model.limits import MAX_RETRIES
from engine.model.program import Retry
from schemas.dsl.cncf_v08 import Action, RetryDefinition


def retry_of(compilation: Compilation, action: Action, pointer: str) -> Retry | None:
    """The policy of an action that names one."""
    retried = _codes(compilation, action.retryable_errors, f"{pointer}/retryableErrors")
    excluded = _codes(compilation, action.non_retryable_errors, f"{pointer}/nonRetryableErrors")
    if action.retry_ref is None:
        if retried:
            message = "`retryableErrors` needs a policy; name one with `retryRef`"
            compilation.findings.error("definition.retry.no_policy", pointer, message)
        return None
    found = compilation.retries.located(action.retry_ref, f"{pointer}/retryRef")
    if found is None:
        return None
    if retried is None:
        compilation.findings.warn(
            "definition.retry.any_error",
            f"{pointer}/retryRef",
            "every error is retried here; list those that should be in `retryableErrors`",
        )
    return _policy(compilation, found[1], found[0], retried, excluded or ())


def check_unused(compilation: Compilation) -> None:
    """Judge every policy, whether an action names it or not."""
    pointer = compilation.sections.pointers["retries"]
    for number, given in enumerate(compilation.sections.retries):
        _policy(compilation, given, f"{pointer}/{number}", None, ())


def _codes(
    compilation: Compilation, names: list[str] | None, pointer: str
) -> tuple[str, ...] | None:
    if names is None:
        return None
    codes = (error_code(compilation, name, f"{pointer}/{n}") for n, name in enumerate(names))
    return tuple(code for code in codes if code is not None)


def _policy(
    compilation: Compilation, given: RetryDefinition, pointer: str,
    codes: tuple[str, ...] | None, excluded: tuple[str, ...],
) -> Retry:  # fmt: skip
    jitter_ms, jitter_share = _jitter(compilation, given, pointer)
    return Retry(
        name=given.name,
        max_attempts=_max_attempts(compilation, given, pointer),
        delay_ms=_length(compilation, given.delay, f"{pointer}/delay") or 0,
        increment_ms=_length(compilation, given.increment, f"{pointer}/increment") or 0,
        multiplier=_multiplier(compilation, given, pointer),
        max_delay_ms=_length(compilation, given.max_delay, f"{pointer}/maxDelay"),
        jitter_ms=jitter_ms,
        jitter_share=jitter_share,
        codes=None if codes and "*" in codes else codes,
        excluded_codes=excluded,
    )


def _length(compilation: Compilation, given: str | None, pointer: str) -> int | None:
    return None if given is None else compilation.duration_ms(given, pointer)


def _max_attempts(compilation: Compilation, given: RetryDefinition, pointer: str) -> int:
    value = None if given.max_attempts is None else number_of(given.max_attempts)
    if value is None or value != int(value) or not 0 <= value <= MAX_RETRIES:
        compilation.findings.error(
            "definition.retry.max_attempts",
            pointer if given.max_attempts is None else f"{pointer}/maxAttempts",
            f"`maxAttempts` of {given.name!r} must be a whole number from 0 to {MAX_RETRIES}:"
            " how often to try again",
        )
        return 0
    return int(value)


def _multiplier(compilation: Compilation, given: RetryDefinition, pointer: str) -> float:
    if given.multiplier is None:
        return 1.0
    value = number_of(given.multiplier)
    if value is None or not 0 <= value <= 1000:
        compilation.findings.error(
            "definition.retry.multiplier",
            f"{pointer}/multiplier",
            f"`multiplier` of {given.name!r} must be a number from 0 to 1000",
        )
        return 1.0
    return value


def _jitter(compilation: Compilation, given: RetryDefinition, pointer: str) -> tuple[int, float]:
    """The largest addition in ms, and as a share of the delay; one of them is 0."""
    if given.jitter is None:
        return 0, 0.0
    share = number_of(given.jitter)
    if share is None:
        return compilation.duration_ms(str(given.jitter), f"{pointer}/jitter") or 0, 0.0
    if not 0 <= share <= 1:
        message = f"`jitter` of {given.name!r} must be from 0 to 1, or a duration"
        compilation.findings.error("definition.retry.jitter", f"{pointer}/jitter", message)
        return 0, 0.0
    return 0, share


def number_of(given: Any) -> float | None:
    """A number, also where it is written as a text. None: it is none."""
    try:
        value = float(given)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
