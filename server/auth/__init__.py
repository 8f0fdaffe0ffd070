"""Who asks: static API keys from a file, compared in constant time."""

from server.auth.binding import UnsafeBinding, check_binding, is_loopback_host
from server.auth.keys import KeyFileFault, Keyring, read_key_file

__all__ = [
    "KeyFileFault",
    "Keyring",
    "UnsafeBinding",
    "check_binding",
    "is_loopback_host",
    "read_key_file",
]
