"""The live view of a log goes on where a connection broke, and says so where it cannot."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from server.cli import live
from server.cli.client import Client
from server.cli.faults import CommandFault

END = b"event: end\ndata: {}\n\n"


def frame(seq):
    return b"id: %d\nevent: X\ndata: %s\n\n" % (seq, json.dumps({"seq": seq}).encode())


@pytest.fixture
def serve(monkeypatch):
    """A server that answers each connection with the next of the given texts, then not at all;
    returns its client and what was asked for."""
    monkeypatch.setattr(live, "RETRY_DELAYS_S", (0.0, 0.0))
    servers = []

    def start(*texts):
        asked, rest = [], list(texts)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.headers["Last-Event-ID"])
                if rest:
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(rest.pop(0))

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return Client(f"http://127.0.0.1:{server.server_port}", "default", None), asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def seqs(client, after=0):
    return [event["seq"] for event in live.follow(client, "/x", after)]


def test_it_ends_where_the_stream_says_so(serve, capsys):
    client, asked = serve(frame(4) + END)
    assert seqs(client, after=3) == [4]
    assert asked == ["3"]
    assert capsys.readouterr().err == ""


def test_a_broken_connection_is_made_again_behind_the_last_whole_event(serve, capsys):
    client, asked = serve(frame(1) + frame(2)[:-9], b"", frame(2) + END)
    assert seqs(client) == [1, 2]
    assert asked == ["0", "1", "1"]
    assert "broke off behind event 1" in capsys.readouterr().err


def test_a_server_that_does_not_come_back_is_an_error_that_says_how_to_go_on(serve):
    client, asked = serve(frame(1))
    seen = live.follow(client, "/x", 0)
    assert next(seen)["seq"] == 1
    with pytest.raises(CommandFault, match=r"--after 1") as fault:
        next(seen)
    assert fault.value.exit_code == 1
    assert asked == ["0", "1", "1"]


def test_where_no_server_is_nothing_is_tried_again(capsys):
    with pytest.raises(CommandFault, match="no answer"):
        seqs(Client("http://127.0.0.1:1", "default", None))
    assert capsys.readouterr().err == ""
