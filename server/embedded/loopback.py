"""TCP addresses for our services: loopback, and ports that no client can take by accident."""

import ipaddress
import random
import socket
from pathlib import Path

from server.embedded.errors import PlaceUnusable

_LOWEST = 10_240
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_TRIES = 200


def loopback_address(host: str) -> str:
    """The address for `host`, which must be this machine's loopback, or PlaceUnusable."""
    text = "127.0.0.1" if host == "localhost" else host.strip("[]")
    try:
        if ipaddress.ip_address(text).is_loopback:
            return text
    except ValueError:
        pass  # a name: it might resolve to anything
    raise PlaceUnusable(
        f"the embedded NATS has no authentication and listens on loopback only, not on {host!r};"
        " use 127.0.0.1, or run a NATS of your own and set REFOLD_NATS_URL"
    )


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: a port in TIME_WAIT is free, one with a listener is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def pick_free(host: str) -> int:
    """A free port below the range that the kernel gives to clients.

    In that range a client that keeps trying to reach a server which is down ends up connected to
    itself, and the server cannot come back on its own port.
    """
    ceiling = _lowest_ephemeral()
    for _ in range(_TRIES):
        port = random.randrange(_LOWEST, ceiling)  # noqa: S311 (not a secret)
        if is_free(host, port):
            return port
    raise PlaceUnusable(f"found no free port on {host} between {_LOWEST} and {ceiling}")


def _lowest_ephemeral() -> int:
    try:
        lowest = int(_EPHEMERAL_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        lowest = 32_768
    return lowest if lowest > _LOWEST + 1_000 else 32_768
