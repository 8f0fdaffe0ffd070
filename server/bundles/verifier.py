"""The standalone verifier as one file, a zip application: `python3 verify.pyz FILE`."""

import io
import zipfile
from functools import cache
from pathlib import Path
from typing import Final

_CODE = Path(__file__).resolve().parents[2]
_FOLDERS: Final = (_CODE / "verifier/refold_verify", _CODE / "refold_verify")
"""Where its modules lie: in a clone, in an installed distribution."""

_STAMP = (1980, 1, 1, 0, 0, 0)


@cache
def verifier_program() -> bytes:
    """The same bytes wherever the modules are the same: sorted, not packed (the packing differs
    from one zlib to another), of no time, of no system."""
    folder = next(path for path in _FOLDERS if path.is_dir())
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as file:
        for path in sorted(folder.glob("*.py")):
            file.writestr(_info(path.name), path.read_bytes())
    return made.getvalue()


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _STAMP)
    info.create_system = 3
    info.external_attr = 0o644 << 16
    return info
