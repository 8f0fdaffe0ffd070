"""Which addresses outbound requests may reach, checked on what is connected to.

A name is checked after it was resolved, and the connection goes to the very addresses that were
checked, so a name that resolves otherwise the next moment gains nothing. Addresses written as
such (in any spelling) pass the same check. Public addresses are open; loopback, private,
link-local, metadata and other special ranges need an entry in REFOLD_EGRESS_ALLOW.
"""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from engine.adapters.handlers.refusal import CallRefused, refused

Address = IPv4Address | IPv6Address

_CLOSED_V4 = [
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32",
        "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
        "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
    )
]  # fmt: skip
"""Special ranges (RFC 6890), multicast, reserved, and one cloud's metadata service."""

_OPEN_V6 = ip_network("2000::/3")
_CLOSED_V6 = [ip_network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]
_NAT64 = ip_network("64:ff9b::/96")
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class EgressRefused(OSError):
    """A name whose addresses are all closed."""

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} is not open")
        self.host = host


class EgressPolicy:
    """What REFOLD_EGRESS_ALLOW says: `loopback`, addresses, networks (CIDR), host names, and
    `*.DOMAIN` for all names below a domain. Raises ValueError for an entry that is none of these.
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._networks: list[IPv4Network | IPv6Network] = []
        self._hosts: set[str] = set()
        self._domains: list[str] = []
        for entry in allow:
            if entry.strip():
                self._add(entry.strip().lower())

    def _add(self, entry: str) -> None:
        if entry == "loopback":
            self._networks.extend(_LOOPBACK)
        elif entry.startswith("*.") and len(entry) > 2:
            self._domains.append(entry[1:])
        elif "/" in entry or ":" in entry or entry.replace(".", "").isdigit():
            try:
                self._networks.append(ip_network(entry))
            except ValueError as error:
                raise ValueError(f"REFOLD_EGRESS_ALLOW: {error}; write 10.1.0.0/16") from None
        elif all(letter.isalnum() or letter in "-._" for letter in entry):
            self._hosts.add(entry.rstrip("."))
        else:
            raise ValueError(
                f"REFOLD_EGRESS_ALLOW: {entry[:60]!r} is no host name, address or network; "
                f"separate entries by commas"
            )

    def is_open_host(self, host: str) -> bool:
        """Whether the operator named this host, wherever it resolves to."""
        name = host.lower().rstrip(".")
        return name in self._hosts or any(name.endswith(domain) for domain in self._domains)

    def is_open_address(self, text: str) -> bool:
        """Whether a socket may be connected to this address."""
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return False
        inner = _embedded(address)
        return _is_public(inner) or any(
            form.version == network.version and form in network
            for network in self._networks
            for form in {address, inner}
        )

    def check_url(self, url: URL) -> None:
        """Raise CallRefused for a scheme or a literal address that is closed. Names are left to
        the resolver."""
        host = url.raw_host or ""
        if url.scheme not in ("http", "https") or not host:
            raise refused(
                "egress.refused",
                f"{url.scheme or 'No scheme'}: only http and https URLs are taken.",
            )
        literal = ":" in host or host.replace(".", "").isdigit()
        if literal and not self.is_open_address(host):
            raise refused_host(host)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    return address in _OPEN_V6 and not any(address in network for network in _CLOSED_V6)


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to, else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def refused_host(host: str) -> CallRefused:
    """The error for a host that is closed."""
    return refused(
        "egress.refused",
        f"Requests to {host[:200]} are refused: its address is private, local or special. If the "
        f"operator wants them, REFOLD_EGRESS_ALLOW has to name the host or its network.",
    )


class GuardedResolver(AbstractResolver):
    """Resolves names to open addresses alone; aiohttp connects to what it is given here."""

    def __init__(self, policy: EgressPolicy, inner: AbstractResolver | None = None) -> None:
        self._policy = policy
        self._inner = ThreadedResolver() if inner is None else inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if self._policy.is_open_host(host):
            return found
        open_ones = [one for one in found if self._policy.is_open_address(one["host"])]
        if not open_ones:
            raise EgressRefused(host)
        return open_ones

    async def close(self) -> None:
        await self._inner.close()
