"""Where a server without keys may be reached: on loopback, under loopback's own names."""

import ipaddress

from engine.model.errors import RefoldError
from server.auth.keys import Keyring


class UnsafeBinding(RefoldError):
    """The API would be open to others without keys: the server refuses to start."""

    code = "auth.unsafe_binding"


def is_loopback_host(host: str) -> bool:
    """Whether a host name or address is this machine's loopback."""
    plain = host.strip("[]").lower()
    if plain == "localhost":
        return True
    try:
        return ipaddress.ip_address(plain).is_loopback
    except ValueError:
        return False


def check_binding(host: str, keyring: Keyring) -> None:
    """Raises UnsafeBinding for an address beyond loopback without keys."""
    if not keyring and not is_loopback_host(host):
        raise UnsafeBinding(
            f"the API would listen on {host} without keys; set REFOLD_API_KEYS_FILE,"
            " or listen on 127.0.0.1"
        )


def host_of(header: str) -> str:
    """The host in a Host header, without its port."""
    if header.startswith("["):
        return header.partition("]")[0] + "]"
    return header.partition(":")[0]
