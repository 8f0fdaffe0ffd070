"""One malformed input, and small tools to make them at random."""

import random
import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

Make = Callable[[random.Random], "Probe"]
CLASSES: dict[str, Make] = {}
ROOT = "/v1/namespaces/default"


@dataclass
class Probe:
    """An HTTP request; or `raw` bytes on a connection; or a NATS message on `subject`.

    `closes`: the server may also close the connection without a word."""

    method: str = "POST"
    path: str = ROOT + "/executions"
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    raw: bytes | None = None
    subject: str | None = None
    closes: bool = False

    def encoded(self) -> bytes:
        """The bytes to send."""
        if self.raw is not None:
            return self.raw
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: localhost"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + self.body


def malformed(name: str) -> Callable[[Make], Make]:
    """Register a class."""

    def register(make: Make) -> Make:
        assert name not in CLASSES, name
        CLASSES[name] = make
        return make

    return register


def family(names: Iterable[str], prefix: str, make: Callable[[random.Random, str], Probe]) -> None:
    """Register one class for each name."""
    for name in names:
        CLASSES[f"{prefix} {name}"] = lambda rng, name=name: make(rng, name)


def word(rng: random.Random, length: int = 8) -> str:
    """A plain name."""
    return "".join(rng.choices(string.ascii_lowercase, k=length))


def noise(rng: random.Random, length: int) -> bytes:
    """Bytes that are no UTF-8."""
    return b"\xff" + rng.randbytes(length)


def control(rng: random.Random) -> str:
    """A control character."""
    return chr(rng.choice([0, 1, 7, 8, 11, 27, 31, 127]))
