"""Closed addresses stay closed: in every spelling, behind names, behind redirects."""

import socket

import pytest
from aiohttp.abc import AbstractResolver

from engine.adapters.handlers.egress import EgressPolicy
from engine.adapters.handlers.http import HttpHandler
from engine.adapters.handlers.http_client import HttpClient
from engine.ports.world import Answered, Failed


class ScriptedResolver(AbstractResolver):
    """A name server in our hands: answers with the next list of addresses at each question."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(self, host, port=0, family=socket.AF_INET):
        self.asked.append(host)
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST,
            }
            for address in addresses
        ]

    async def close(self) -> None:
        return


async def ask(call, url: str, allow: list[str], resolver: AbstractResolver | None = None):
    client = HttpClient(EgressPolicy(allow), resolver)
    await client.open()
    try:
        return await HttpHandler(client).run(call(f"GET:{url}"))
    finally:
        await client.close()


CLOSED = [
    "127.0.0.1", "127.1", "127.0.0.01", "0x7f.0.0.1", "0x7f000001", "2130706433", "017700000001",
    "0.0.0.0", "0", "localhost", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.100.100.200", "168.63.129.16", "198.18.0.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[fe80::1]",
    "[fd00:ec2::254]", "[fc00::1]", "[ff02::1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::1]",
    "[2002:7f00:1::]", "[2001:db8::1]", "[::127.0.0.1]", "127。0。0。1", "①②⑦.⓪.⓪.①",
]  # fmt: skip


@pytest.mark.parametrize("host", CLOSED)
async def test_special_addresses_are_closed_in_every_spelling(call, host):
    answer = await ask(call, f"http://{host}:9/", [])
    assert isinstance(answer, Failed)
    assert answer.error.code in ("egress.refused", "http.bad_operation")
    if answer.error.code == "egress.refused":
        assert "REFOLD_EGRESS_ALLOW" in answer.error.message


async def test_loopback_is_open_where_the_operator_says_so(call, service):
    assert isinstance(await ask(call, f"{service.url}/x", ["loopback"]), Answered)
    assert isinstance(await ask(call, f"{service.url}/x", ["127.0.0.0/8"]), Answered)
    refused = await ask(call, f"{service.url}/x", ["10.0.0.0/8"])
    assert refused.error.code == "egress.refused"
    assert len(service.requests) == 2


async def test_a_name_that_resolves_to_a_closed_address_is_refused(call, service):
    port = service.url.rpartition(":")[2]
    resolver = ScriptedResolver(["127.0.0.1"])
    answer = await ask(call, f"http://shop.example:{port}/", [], resolver)
    assert answer.error.code == "egress.refused"
    assert "shop.example" in answer.error.message
    assert service.requests == []


@pytest.mark.parametrize("entry", ["shop.example", "*.example", "SHOP.example"])
async def test_a_named_host_is_open_wherever_it_resolves_to(call, service, entry):
    port = service.url.rpartition(":")[2]
    resolver = ScriptedResolver(["127.0.0.1"])
    answer = await ask(call, f"http://shop.example:{port}/", [entry], resolver)
    assert isinstance(answer, Answered)


async def test_the_connection_goes_to_the_address_that_was_checked(call, service):
    """A rebinding name: open when asked first, closed when asked again. It is asked once."""
    port = service.url.rpartition(":")[2]
    resolver = ScriptedResolver(["127.0.0.2", "127.0.0.1"], ["127.0.0.1"])
    client = HttpClient(EgressPolicy(["127.0.0.2/32"]), resolver)
    await client.open()
    try:
        handler = HttpHandler(client)
        first = await handler.run(call(f"GET:http://rebind.example:{port}/"))
        # 127.0.0.2 is checked and connected to (nobody listens there); 127.0.0.1 never is.
        assert first.error.code == "connection"
        second = await handler.run(call(f"GET:http://other.example:{port}/"))
        assert second.error.code == "egress.refused"
        assert service.requests == []
        assert resolver.asked == ["rebind.example", "other.example"]
    finally:
        await client.close()


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("http://10.0.0.1/x", "egress.refused"),
        ("http://[::1]:1/x", "egress.refused"),
        ("file:///etc/passwd", "http.redirects"),
        ("gopher://127.0.0.1:70/x", "egress.refused"),
    ],
)
async def test_each_hop_of_a_redirect_is_checked(call, service, target, code):
    answer = await ask(call, f"{service.url}/redirect?to={target}", ["127.0.0.1"])
    assert answer.error.code == code


async def test_redirects_are_followed_and_limited(call, service, client):
    handler = HttpHandler(client)
    followed = await handler.run(call(f"POST:{service.url}/redirect?to=/end&status=307", {"a": 1}))
    assert (followed.result["method"], followed.result["body"]) == ("POST", '{"a":1}')
    seen = await handler.run(call(f"POST:{service.url}/redirect?to=/end&status=303", {"a": 1}))
    assert (seen.result["method"], seen.result["body"]) == ("GET", "")
    assert "content-type" not in seen.result["headers"]
    service.requests.clear()
    looped = await handler.run(call(f"GET:{service.url}/loop"))
    assert looped.error.code == "http.redirects"
    assert len(service.requests) == 6


async def test_credentials_stay_with_their_origin(call, service, client):
    other = service.url.replace("127.0.0.1", "localhost")
    arguments = {"headers": {"Authorization": "Bearer s", "X-Plain": "p"}}
    one = call(f"GET:{service.url}/redirect?to={other}/end", arguments, callback_token="cb_1")
    headers = (await HttpHandler(client).run(one)).result["headers"]
    assert headers["x-plain"] == "p"
    assert "authorization" not in headers
    assert "refold-callback-token" not in headers


@pytest.mark.parametrize("entry", ["10.0.0.0/33", "a b", "http://x", "*"])
def test_a_wrong_entry_is_refused_at_start(entry):
    with pytest.raises(ValueError, match="REFOLD_EGRESS_ALLOW"):
        EgressPolicy([entry])
