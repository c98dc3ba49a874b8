import hashlib
import http.server
import json
import threading

import pytest
from download import PUBLISHED, download
from downloads.fetch import fetch

from animegan3_tf.common.errors import UserError
from animegan3_tf.styles.style import tomllib

CONTENT = bytes(range(256)) * 40
SUM = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT as /file with ranges and an ETag; /cut breaks off in the middle; /plain knows no ranges."""

    content, tag = CONTENT, '"one"'

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.asked.append((self.path, asked))
        if self.path not in ("/file", "/cut", "/plain"):
            return self.send_error(404)
        start = 0
        if asked and self.path != "/plain" and self.headers.get("If-Range") == self.tag:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(self.content):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(self.content) - start))
        if self.path != "/plain":
            self.send_header("ETag", self.tag)
        self.end_headers()
        part = self.content[start : 3000 if self.path == "/cut" and not start else None]
        self.wfile.write(part)

    def log_message(self, *arguments):
        """Nothing on stderr."""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        running.asked = []
        running.url = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_file_is_fetched_checked_and_not_fetched_again(server, tmp_path):
    for _ in range(2):
        received = fetch(f"{server.url}/file", tmp_path / "new" / "f", len(CONTENT), SUM)
    assert (received.bytes, received.sha256, received.known) == (len(CONTENT), SUM, True)
    assert (tmp_path / "new" / "f").read_bytes() == CONTENT
    assert server.asked == [("/file", None)]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["f"]


def test_a_connection_that_breaks_off_is_resumed(server, tmp_path):
    with pytest.raises(UserError, match=r"cannot be fetched .*3,000 bytes are kept, run it again to go on"):
        fetch(f"{server.url}/cut", tmp_path / "f", len(CONTENT))
    assert not (tmp_path / "f").exists()
    assert fetch(f"{server.url}/cut", tmp_path / "f", len(CONTENT)).sha256 == SUM
    assert server.asked == [("/cut", None), ("/cut", "bytes=3000-")]


def test_a_file_that_changed_meanwhile_is_begun_anew(server, tmp_path):
    (tmp_path / "f.part").write_bytes(b"of another file")
    (tmp_path / "f.part.etag").write_text('"zero"')
    assert fetch(f"{server.url}/file", tmp_path / "f").sha256 == SUM


def test_a_part_that_is_whole_already_is_used(server, tmp_path):
    (tmp_path / "f.part").write_bytes(CONTENT)
    (tmp_path / "f.part.etag").write_text('"one"')
    assert fetch(f"{server.url}/file", tmp_path / "f", sha256=SUM).sha256 == SUM


def test_a_server_without_ranges_is_asked_for_all(server, tmp_path):
    (tmp_path / "f.part").write_bytes(CONTENT[:100])
    (tmp_path / "f.part.etag").write_text('"one"')
    assert fetch(f"{server.url}/plain", tmp_path / "f").sha256 == SUM


@pytest.mark.parametrize(
    ("size", "sha256", "words"),
    [
        (9, None, "in place of 9"),
        (None, "0" * 64, f"sha256 {SUM} in place of 0000"),
    ],
)
def test_another_file_than_is_meant_is_set_aside(server, tmp_path, size, sha256, words):
    with pytest.raises(UserError, match=words):
        fetch(f"{server.url}/file", tmp_path / "f", size, sha256)
    assert not (tmp_path / "f").exists()
    assert not (tmp_path / "f.part").exists()
    assert len(list(tmp_path.glob("f.rejected-*"))) == 1


def test_no_connection_and_no_such_file_are_said_plainly(server, tmp_path):
    with pytest.raises(UserError, match=r"/none cannot be fetched .*Not Found.*put the file at .* by hand"):
        fetch(f"{server.url}/none", tmp_path / "f")
    with pytest.raises(UserError, match="cannot be fetched"):
        fetch("http://127.0.0.1:1/f", tmp_path / "f")


def test_what_was_received_is_recorded_and_held_to(server, tmp_path, monkeypatch, capsys):
    url = f"{server.url}/file"
    published = {"thing": [{"url": url, "then": "use {path}"}]}
    assert download(["thing"], tmp_path, published) == [f"use {tmp_path / 'thing' / 'file'}"]
    assert "not known before, now recorded" in capsys.readouterr().out
    record = json.loads((tmp_path / "received.json").read_text())[url]
    assert (record["bytes"], record["sha256"]) == (len(CONTENT), SUM)
    (tmp_path / "thing" / "file").unlink()
    monkeypatch.setattr(Server, "content", CONTENT[:-1])
    with pytest.raises(UserError, match="is not the expected file"):
        download(["thing"], tmp_path, published)


def test_unknown_names_are_refused(tmp_path):
    with pytest.raises(UserError, match="thing: not known; choose from other"):
        download(["thing"], tmp_path, {"other": []})


def test_every_published_file_has_an_address_of_its_own():
    published = tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))
    files = [file for group in published.values() for file in group]
    assert len({file["url"] for file in files}) == len(files)
    for file in files:
        assert file["url"].startswith("https://")
        assert file.keys() <= {"url", "bytes", "sha256", "then"}
