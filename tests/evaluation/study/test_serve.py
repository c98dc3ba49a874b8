"""The server as its clients meet it, over a socket."""

import errno
import http.client
import json
import os
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers.studies import make_answers, write_method_pictures

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import only_process
from animegan3_tf.study import answers as study_answers
from animegan3_tf.study import serve
from animegan3_tf.study.answers import MAX_BYTES
from animegan3_tf.study.build import Key, build_study


@pytest.fixture
def page(tmp_path):
    methods = write_method_pictures(tmp_path, methods=("zeta", "omega", "iota"))
    return build_study(
        tmp_path / "photos", methods, tmp_path / "study.html", 3, items=3, repeats=1, post="answers"
    ).page


@contextmanager
def served(page, out, allow_origins=()):
    """request(method, path, body, headers) -> (status, headers, body); answers go as the page sends them."""
    lines = []
    with serve.make_server(page, out, port=0, show=lines.append, allow_origins=allow_origins) as server:
        thread = threading.Thread(target=server.run)
        thread.start()

        def request(method, path, body=None, headers=None):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)  # the disk may be slow
            connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
            reply = connection.getresponse()
            found = reply.status, reply.headers, reply.read()
            connection.close()
            return found

        try:
            request.port, request.lines = server.port, lines
            yield request
        finally:
            server.stop()
            thread.join()


def answers(page, seed=1, block=0, place=0):
    key = Key.read(page)
    return json.dumps(make_answers(key, seed, block, lambda _, codes: codes[place])).encode()


def test_it_hands_out_the_page_block_after_block(page, tmp_path):
    """Three blocks of three of the nine trials; one that was answered waits until the others were."""
    with served(page, tmp_path / "out") as request:
        places = [request("GET", "/")[1]["Location"] for _ in range(4)]
        assert places == ["?block=0", "?block=1", "?block=2", "?block=0"]
        status, headers, body = request("GET", "/?block=2")
        assert (status, body) == (200, page.read_bytes())
        assert headers["Content-Type"] == "text/html; charset=utf-8"
        assert request("POST", "/answers", answers(page, block=1))[0] == 201
        assert request("GET", "/?lang=vi")[1]["Location"] == "?lang=vi&block=2"
        assert [request("GET", "/")[1]["Location"] for _ in range(2)] == ["?block=0", "?block=2"]
        assert request("HEAD", "/?block=2")[2] == b""


def test_answers_are_kept_once_and_never_replaced(page, tmp_path):
    first, other = answers(page), answers(page, place=1)
    with served(page, tmp_path / "out") as request:
        assert request("POST", "/answers", first)[0] == 201
        assert request("POST", "/answers", first)[0] == 200  # the reply to the first may have been lost
        assert request("POST", "/answers", other)[0] == 409
        assert request("POST", "/answers", answers(page, seed=2))[0] == 201
    kept = sorted((tmp_path / "out").iterdir())
    assert [path.name.split("-", 2)[2] for path in kept] == ["0-00000001.json", "0-00000002.json"]
    assert json.loads(kept[0].read_bytes()) == json.loads(first)


def test_many_at_once_lose_nothing(page, tmp_path):
    with served(page, tmp_path / "out") as request:
        statuses = []
        threads = [
            threading.Thread(
                target=lambda s=seed: statuses.append(request("POST", "/answers", answers(page, s // 2))[0])
            )
            for seed in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(statuses) == [200] * 10 + [201] * 10
    assert len(list((tmp_path / "out").iterdir())) == 10


def test_what_the_page_would_not_send_is_refused(page, tmp_path):
    good = answers(page)
    with served(page, tmp_path / "out") as request:
        wrong = request("POST", "/answers", b"{}")
        assert wrong[::2] == (400, b"the request is not what the page makes: study: Field required\n")
        assert request("POST", "/answers", good.replace(b'"seed": 1', b'"seed": 9'))[0] == 400
        assert request("POST", "/answers", b"[" * 100_000)[0] == 400
        assert request("POST", "/answers", b"x", {"Content-Length": str(MAX_BYTES + 1)})[0] == 413
        assert request("POST", "/answers", b"x", {"Content-Length": "9" * 5000})[0] == 413
        assert request("POST", "/answers", b"x", {"Content-Length": "-1"})[0] == 411
        assert request("POST", "/answers", iter([good]))[0] == 411  # in pieces
        assert request("POST", "/answers", good, {"Content-Type": "text/plain"})[0] == 415
        assert request("POST", "/", good)[0] == 405
        assert request("GET", "/study.key.json")[0] == 404
        assert request("GET", "/../study.key.json?block=1")[0] == 404
        assert request("GET", "/answers")[0] == 405
        assert request("DELETE", "/answers")[0] == 405
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "0123456789AB", ""])
def test_an_id_that_could_be_a_path_is_refused(page, tmp_path, name):
    """In answers, and in the page itself, which may come from anywhere."""
    own = Key.read(page).study.id
    with served(page, tmp_path / "out") as request:
        assert request("POST", "/answers", answers(page).replace(own.encode(), name.encode()))[0] == 400
    assert list((tmp_path / "out").iterdir()) == []
    page.write_bytes(page.read_bytes().replace(own.encode(), name.encode()))
    with pytest.raises(UserError, match="is not the page of a study"):
        serve.make_server(page, tmp_path / "out", port=0)


def test_only_what_the_page_writes_gets_onto_the_disk(page, tmp_path):
    with served(page, tmp_path / "out") as request:
        assert request("POST", "/answers", answers(page) + b" " * 100_000)[0] == 201
    assert [path.stat().st_size < 1000 for path in (tmp_path / "out").iterdir()] == [True]


def test_answers_that_break_off_are_not_kept(page, tmp_path):
    with served(page, tmp_path / "out") as request:
        with begun(request, answers(page)[:-9]) as half:
            half.shutdown(socket.SHUT_WR)
            assert half.recv(1000) == b""
        assert request("POST", "/answers", answers(page))[0] == 201
    assert len(list((tmp_path / "out").iterdir())) == 1


def connected(request):
    return socket.create_connection(("127.0.0.1", request.port), timeout=60)


def begun(request, body=None):
    """A connection on which a request has begun: its head alone, without an end, or with a part of its body."""
    connection = connected(request)
    connection.sendall(b"POST /answers HTTP/1.1\r\nHost: localhost\r\n")
    if body is not None:
        connection.sendall(b"Content-Type: application/json\r\nContent-Length: 9999\r\n\r\n" + body)
    return connection


def test_who_is_too_slow_is_told_and_keeps_nobody_waiting(page, tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "SECONDS", 0.2)
    with served(page, tmp_path / "out") as request, begun(request) as head, begun(request, b"{") as body:
        assert request("POST", "/answers", answers(page))[0] == 201
        assert body.recv(1000).startswith(b"HTTP/1.1 408 ")
        assert head.recv(1000) == b""
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_who_takes_the_page_too_slowly_is_cut_off(page, tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "SECONDS", 0.2)
    monkeypatch.setattr(serve, "_SLOWEST", float("inf"))
    size = 30_000_000  # more than a system keeps on the way
    page.write_bytes(page.read_bytes() + b" " * size)
    with served(page, tmp_path / "out") as request, connected(request) as slow:
        slow.sendall(b"GET /?block=0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with begun(request, b"{") as later:
            assert later.recv(1000).startswith(b"HTTP/1.1 408 ")  # so the time of the one before is over, too
        assert sum(iter(lambda: len(slow.recv(1 << 20)), 0)) < size


def test_connections_are_counted(page, tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "CONNECTIONS", 2)
    with served(page, tmp_path / "out") as request:
        with begun(request), begun(request):
            assert request("GET", "/")[0] == 503
        replies = (request("GET", "/")[0] for _ in range(1000))
        assert next(status for status in replies if status != 503) == 302  # once the two are seen to be gone


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "LOCALHOST:{}", "[::1]:{}", "192.168.0.7", socket.gethostname()])
def test_a_server_answers_to_its_names(page, tmp_path, host):
    with served(page, tmp_path / "out") as request:
        assert request("GET", "/", headers={"Host": host.format(request.port)})[0] == 302


def test_a_name_that_a_foreign_page_points_here_is_refused(page, tmp_path):
    """DNS rebinding: the browser takes example.org for the page's own server."""
    mine = {"Host": "example.org:8000", "Origin": "http://example.org:8000"}
    with served(page, tmp_path / "out") as request:
        assert request("GET", "/", headers=mine)[0] == 421
        assert request("POST", "/answers", answers(page), mine)[0] == 421
    assert list((tmp_path / "out").iterdir()) == []
    with served(page, tmp_path / "out", ["http://example.org:8000"]) as request:
        assert request("POST", "/answers", answers(page), mine)[0] == 201


def test_answers_come_from_the_servers_own_page(page, tmp_path):
    with served(page, tmp_path / "out") as request:
        for seed, origin in enumerate(("http://127.0.0.1:{}", "https://127.0.0.1:{}", "http://localhost:{}")):
            origin = origin.format(request.port)
            assert request("POST", "/answers", answers(page, seed), {"Origin": origin})[0] == 201
        for origin in ("http://example.org", "null", "http://127.0.0.1", "x", "http://localhost:1"):
            status, headers, _ = request("OPTIONS", "/answers", headers={"Origin": origin})
            assert (status, headers["Access-Control-Allow-Origin"]) == (403, None)
            assert request("POST", "/answers", answers(page, 9), {"Origin": origin})[0] == 403
    assert len(list((tmp_path / "out").iterdir())) == 3


@pytest.mark.parametrize(
    ("allowed", "origin"),
    [
        ("null", "null"),
        ("https://Example.org/", "https://example.org"),
        ("https://example.org:443", "https://example.org"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_allowed_page_from_elsewhere_may_post_and_nothing_else(page, tmp_path, allowed, origin):
    with served(page, tmp_path / "out", [allowed]) as request:
        status, headers, _ = request("OPTIONS", "/answers", headers={"Origin": origin})
        assert (status, headers["Access-Control-Allow-Origin"], headers["Vary"]) == (204, origin, "Origin")
        assert headers["Access-Control-Allow-Methods"] == "POST"
        assert "Access-Control-Allow-Credentials" not in headers
        status, headers, _ = request("POST", "/answers", answers(page), {"Origin": origin})
        assert (status, headers["Access-Control-Allow-Origin"]) == (201, origin)
        assert request("POST", "/answers", b"{}", {"Origin": origin})[1]["Access-Control-Allow-Origin"] == origin
        assert request("OPTIONS", "/answers", headers={"Origin": "http://example.net"})[0] == 403


@pytest.mark.parametrize("text", ["*", "example.org", "https://example.org/study", "ftp://example.org", ""])
def test_what_is_no_origin_is_told(page, tmp_path, text):
    with pytest.raises(UserError, match=r"--allow-origin .* is no origin"):
        serve.make_server(page, tmp_path / "out", port=0, allow_origins=[text])


def test_the_address_that_answers_are_sent_to_is_a_name_of_the_server(tmp_path):
    methods = write_method_pictures(tmp_path)
    page = build_study(
        tmp_path / "photos", methods, tmp_path / "study.html", 3, post="https://study.example.org/answers"
    ).page
    with served(page, tmp_path / "out") as request:
        assert request("GET", "/", headers={"Host": "study.example.org"})[0] == 302
        origin = {"Origin": "https://study.example.org"}  # behind a proxy that names this machine
        assert request("POST", "/answers", answers(page), origin)[0] == 201


def test_the_disk_does_not_fill_up(page, tmp_path, monkeypatch):
    monkeypatch.setattr(study_answers, "MOST_RATERS", 1)
    with served(page, tmp_path / "out") as request:
        assert request("POST", "/answers", answers(page))[0] == 201
        assert request("POST", "/answers", answers(page, seed=2))[0] == 507


def test_a_full_disk_is_told_to_the_rater(page, tmp_path, monkeypatch):
    def write(path, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with served(page, tmp_path / "out") as request:
        with monkeypatch.context() as full:
            full.setattr(Path, "write_bytes", write)
            assert request("POST", "/answers", answers(page))[0] == 507
        assert list((tmp_path / "out").iterdir()) == []
        assert request("POST", "/answers", answers(page))[0] == 201
        assert request.lines == [
            "the answers could not be written (No space left on device)",
            "answers of one rater kept",
        ]


def test_a_folder_that_cannot_be_written_is_told_to_the_rater(page, tmp_path):
    out = tmp_path / "out"
    with served(page, out) as request:
        out.rmdir()
        out.write_text("a file in its place")
        assert request("POST", "/answers", answers(page))[0] == 500
        assert request.lines == ["the answers could not be written (File exists)"]
        assert request("GET", "/?block=0")[0] == 200


def test_addresses_and_folders_that_cannot_be_had(page, tmp_path):
    with served(page, tmp_path / "out") as request, pytest.raises(UserError, match="cannot be listened on"):
        serve.make_server(page, tmp_path / "out", port=request.port)
    with pytest.raises(UserError, match=r"--out .* cannot be made"):
        serve.make_server(page, page / "out", port=0)
    (tmp_path / "taken").mkdir()
    with only_process(tmp_path / "taken"), pytest.raises(UserError, match="used by another server"):
        serve.serve(page, tmp_path / "taken", "127.0.0.1", 0)
