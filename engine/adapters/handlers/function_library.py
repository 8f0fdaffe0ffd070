"""Finds user functions by MODULE:FUNCTION: lazily, and only where the operator put them."""

import importlib
import importlib.util
import re
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from engine.adapters.handlers.refusal import CallRefused, refused

_OPERATION = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z]\w*)", re.ASCII)

Function = Callable[[dict[str, Any]], Any]


class FunctionLibrary:
    """Functions of the modules in `directory`, and of installed packages named in `packages`.

    Nothing is imported before a call asks for it. Other modules are never imported: a definition
    cannot call `os:system`.
    """

    def __init__(self, directory: Path | None, packages: Sequence[str] = ()) -> None:
        self._directory = None if directory is None else directory.resolve()
        self._packages = frozenset(packages)
        self._known: dict[str, Function] = {}
        self._importing = threading.Lock()

    def open(self) -> None:
        """Make the directory importable, behind everything that is installed."""
        if self._directory is not None and str(self._directory) not in sys.path:
            sys.path.append(str(self._directory))
            importlib.invalidate_caches()

    def known(self, operation: str) -> Function | None:
        """The function if a call has asked for it before; costs nothing."""
        return self._known.get(operation)

    def load(self, operation: str) -> Function:
        """The function, importing its module at the first call. May take long: not for the event
        loop. Raises CallRefused."""
        match = _OPERATION.fullmatch(operation)
        if match is None:
            raise refused(
                "function.unknown",
                f"{operation[:200]!r} is no function: write MODULE:FUNCTION, with a name that "
                f"begins with a letter.",
            )
        with self._importing:
            known = self._known.get(operation)
            if known is None:
                known = self._found(match[1], match[2])
                self._known[operation] = known
        return known

    def _found(self, module_name: str, name: str) -> Function:
        self._check_place(module_name)
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
                raise self._unknown(module_name) from None
            raise _broken(module_name, error) from None
        except BaseException as error:  # noqa: BLE001  whatever the user's module does at import
            raise _broken(module_name, error) from None
        function = getattr(module, name, None)
        if not callable(function) or isinstance(function, type):
            raise refused("function.unknown", f"Module {module_name} has no function {name[:100]}.")
        origin = str(getattr(function, "__module__", None) or module_name)
        if origin != module_name:
            self._check_place(origin)
        found: Function = function
        return found

    def _check_place(self, module_name: str) -> None:
        """Raise CallRefused unless the top-level package is one that may be called."""
        top = module_name.partition(".")[0]
        if top in self._packages:
            return
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            spec = None
        if spec is None:
            raise self._unknown(module_name)
        if not self._is_inside(spec):
            raise refused(
                "function.refused",
                f"Module {module_name[:200]} is not in the functions directory, so it is not "
                f"called (a module of the same name is installed); give yours another name.",
            )

    def _is_inside(self, spec: ModuleSpec) -> bool:
        directory = self._directory
        if directory is None:
            return False
        places = [spec.origin] if spec.has_location else list(spec.submodule_search_locations or ())
        return bool(places) and all(
            place is not None and Path(place).resolve().is_relative_to(directory)
            for place in places
        )

    def _unknown(self, module_name: str) -> CallRefused:
        path = module_name.replace(".", "/")
        place = self._directory or "the functions directory (start the worker with --functions DIR)"
        return refused(
            "function.unknown",
            f"There is no module {module_name[:200]}: neither {path[:200]}.py nor a package of "
            f"that name is in {place}.",
        )


def _broken(module_name: str, error: BaseException) -> CallRefused:
    text = "".join(traceback.format_exception_only(error)).strip()
    return refused("function.broken", f"Module {module_name[:200]} fails at import: {text}.")
