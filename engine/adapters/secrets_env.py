"""Secrets from the environment (docs/secrets.md)."""

import os
import re
from collections.abc import Mapping, Sequence

_PREFIX = "REFOLD_SECRET_"
_NOT_IN_NAMES = re.compile(r"[^A-Z0-9]")


class EnvSecrets:
    """REFOLD_SECRET_<NAMESPACE>__<NAME> for one namespace, REFOLD_SECRET_<NAME> for all.

    Names are upper-cased, and characters other than letters and digits become `_`. A name that
    would then hold `__` has no value, so that no namespace can spell the secret of another.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment

    def get(self, namespace: str, names: Sequence[str]) -> dict[str, str]:
        """Values of those that exist."""
        found: dict[str, str] = {}
        for name in names:
            variable = _variable(name)
            if not variable or "__" in variable:
                continue
            value = self._environment.get(f"{_PREFIX}{_variable(namespace)}__{variable}")
            if value is None:
                value = self._environment.get(_PREFIX + variable)
            if value is not None:
                found[name] = value
        return found


def _variable(name: str) -> str:
    return _NOT_IN_NAMES.sub("_", name.upper())
