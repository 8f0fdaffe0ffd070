"""The program of one expression worker; run as a file, with few imports, so that it starts fast.

It reads requests from standard input and answers them one by one on standard output. All that an
expression could reach is taken away first: environment, files, memory, processor time, the right
to gain rights, and its life when the parent dies. Arguments: the file of the jq extension module,
and the parent's process id.

A request is one letter (E evaluate, C check), four lengths (4 bytes each, big-endian) and as many
texts: variable names joined by commas, program, variables (a JSON object), input (JSON). An answer
is one letter (V value, F failed, L limit, S syntax), a length and a text.
"""

from __future__ import annotations

import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

MEGABYTE = 1 << 20
MEMORY_BYTES = 256 * MEGABYTE
OPEN_FILES = 16
CPU_SECONDS = 10
CACHED_PROGRAMS = 256
MAX_OUTPUTS = 10_000
MAX_OUTPUT_BYTES = MEGABYTE

REFUSED = (
    *("now", "localtime", "strflocaltime(f)", "input", "inputs", "input_filename"),
    *("input_line_number", "debug", "debug(m)", "stderr", "halt", "halt_error", "halt_error(c)"),
    *("modulemeta", "get_search_list", "get_jq_origin", "get_prog_origin"),
)
PRELUDE = "{} as $ENV | def env: {}; " + "".join(
    f'def {name}: error("{name} is refused in workflow expressions"); ' for name in REFUSED
)
EPILOGUE = (
    f"] | if length > {MAX_OUTPUTS} then 0 else tojson"
    f" | if utf8bytelength > {MAX_OUTPUT_BYTES} then 1 else . end end"
)
TOO_LARGE = (
    f"the expression has more than {MAX_OUTPUTS} outputs",
    f"the result is larger than {MAX_OUTPUT_BYTES} bytes",
)


def give_up_rights(parent_pid: int) -> None:
    """Limits for the rest of this process's life; ends at once if the parent is already gone."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    kill_signal, set_death_signal, set_no_new_privileges = 9, 1, 38
    libc.prctl(set_death_signal, kill_signal, 0, 0, 0)
    libc.prctl(set_no_new_privileges, 1, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(0)
    for what, value in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (value, value))


def load_jq(path: str) -> Any:
    """The extension module, from its file: this process has no package directories on its path."""
    from importlib.machinery import ExtensionFileLoader
    from importlib.util import module_from_spec, spec_from_file_location

    loader = ExtensionFileLoader("jq", path)
    spec = spec_from_file_location("jq", path, loader=loader)
    assert spec is not None, "a file and its loader make a specification"
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def bindings(names: str, source: Callable[[str], str]) -> str:
    """`source as $name |` for each name; the values come with each input, so that a program is
    compiled once."""
    return "".join(f"{source(name)} as ${name} | " for name in names.split(",") if name)


class Programs:
    """Compiled programs, the least recently used dropped first."""

    def __init__(self, jq: Any) -> None:
        self.jq = jq
        self.compiled: dict[tuple[str, str], Any] = {}

    def get(self, key: tuple[str, str]) -> Any:
        program = self.compiled.pop(key, None) or self.compile(*key)
        self.compiled[key] = program
        if len(self.compiled) > CACHED_PROGRAMS:
            del self.compiled[next(iter(self.compiled))]
        return program

    def compile(self, names: str, source: str) -> Any:
        self.check(names, source)
        text = (
            bindings(names, lambda name: f".v.{name}")
            + f".i | {PRELUDE}[limit({MAX_OUTPUTS + 1}; (\n{source}\n)){EPILOGUE}"
        )
        return self.jq.compile(text)

    def check(self, names: str, source: str) -> None:
        """Compile the program outside of any bracket, so that it cannot close one of ours; a
        binding before it makes module directives a syntax error."""
        self.jq.compile("null as $ENV | " + bindings(names, lambda _: "null") + f"\n{source}\n")


def syntax_message(error: ValueError) -> str:
    """The first line of libjq's message, without its place in our wrapping."""
    line = str(error).split("\n", 1)[0]
    return line.removeprefix("jq: error: ").split(" at <top-level>", 1)[0]


def answer(
    programs: Programs, letter: bytes, names: str, source: str, variables: str, data: str
) -> tuple[bytes, str]:
    """The answer to one request: a letter and a text."""
    try:
        if letter == b"C":
            programs.check(names, source)
            return b"V", ""
        program = programs.get((names, source))
    except ValueError as error:
        return b"S", syntax_message(error)
    try:
        outputs = program.input_text(f'{{"v":{variables},"i":{data}}}').first()
    except (ValueError, StopIteration) as error:
        return b"F", str(error)[:1000] or "the expression ended without an answer"
    except (MemoryError, RecursionError):
        return b"L", "the expression takes too much memory"
    if isinstance(outputs, str):
        return b"V", outputs
    return b"L", TOO_LARGE[outputs]


def serve(programs: Programs, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the parent closes the pipe."""
    while True:
        head = requests.read(17)
        if len(head) < 17:
            return
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        texts = [
            requests.read(int.from_bytes(head[at : at + 4], "big")).decode() for at in (1, 5, 9, 13)
        ]
        letter, text = answer(programs, head[:1], *texts)
        payload = text.encode("utf-8", "replace")
        answers.write(letter + len(payload).to_bytes(4, "big") + payload)
        answers.flush()


def main() -> None:
    """Load libjq, give up what it does not need, serve."""
    jq = load_jq(sys.argv[1])
    give_up_rights(int(sys.argv[2]))
    serve(Programs(jq), sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
