"""docker-compose.yml as Compose sees it: variables filled in, anchors merged."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "docker-compose.yml"
_VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::\?([^}]*))?\}")


class VariableMissing(Exception):
    """Compose would refuse to start and say this."""


def read_compose(variables: Mapping[str, str]) -> dict[str, Any]:
    """The file with its variables. Raises VariableMissing with the message of the first required
    one that is not set or empty."""

    def value_of(match: re.Match[str]) -> str:
        value = variables.get(match[1], "")
        if not value and match[2] is not None:
            raise VariableMissing(match[2])
        return value

    return yaml.safe_load(_VARIABLE.sub(value_of, FILE.read_text()))


def variable_names() -> set[str]:
    return {match[1] for match in _VARIABLE.finditer(FILE.read_text())}


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of a `.env` file."""
    lines = path.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line)
