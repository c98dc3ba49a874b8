"""Serves a study's page to raters and keeps their answers, one file each, with the standard library alone."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import StrPath, only_process, remove_leftovers
from animegan3_tf.study.answers import MAX_BYTES, AnswerFolder
from animegan3_tf.study.build import read_study

_SECONDS = 30  # that a connection may stay silent


def make_server(
    page: StrPath,
    out: StrPath,
    host: str = "127.0.0.1",
    port: int = 8000,
    show: Callable[[str], None] = lambda line: None,
) -> ThreadingHTTPServer:
    """Makes a server of the page at / and of POST /answers, bound and ready for `serve_forever`.

    Args:
        page: The study's page.
        out: The folder of answers, made if missing.
        host: The address to listen on.
        port: The port; 0 for any free one.
        show: Called with a line each time that answers are kept, or could not be.

    Raises:
        UserError: The file is not a study's page, the folder cannot be made, or the address cannot be used.
    """
    study, html = read_study(page)
    try:
        return _Server((host, port), html, AnswerFolder(out, study), show)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{host}:{port} cannot be listened on ({reason}); give another --host or --port") from None


def serve(page: StrPath, out: StrPath, host: str, port: int, show: Callable[[str], None] = print) -> None:
    """Serves until interrupted.

    Args:
        page: See `make_server`.
        out: See `make_server`.
        host: See `make_server`.
        port: See `make_server`.
        show: Called with a line for the address, and with each line of `make_server`.

    Raises:
        UserError: See `make_server`; also where another server keeps its answers in `out`.
    """
    with make_server(page, out, host, port, show) as server:
        address = f"[{host}]" if ":" in host else host
        try:
            with only_process(out):
                remove_leftovers(out)
                show(f"serving http://{address}:{server.server_port}/ and keeping answers in {out}; Ctrl-C ends")
                server.serve_forever()
        except BlockingIOError:
            raise UserError(f"--out {quote(out)} is used by another server; end that one or name another") from None
        except KeyboardInterrupt:
            pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # a class of students may begin at the same moment

    def __init__(
        self, address: tuple[str, int], html: bytes, answers: AnswerFolder, show: Callable[[str], None]
    ) -> None:
        self.html, self.answers, self.show = html, answers, show
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Prints one line for an error, and nothing for a browser that went away."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            print(f"animegan3: request failed ({type(error).__name__}: {error})", file=sys.stderr)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _SECONDS
    server_version, sys_version = "animegan3", ""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path != "/":
            return self._reply(HTTPStatus.NOT_FOUND, "there is only / and /answers")
        if "block" not in parse_qs(url.query):
            # the block stands in the address, so that a reload before the first answer shows the same trials
            self.send_response(HTTPStatus.FOUND)
            query = f"{url.query}&" if url.query else ""
            self.send_header("Location", f"?{query}block={self.server.answers.next_block()}")
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        return self._send(HTTPStatus.OK, self.server.html, "text/html; charset=utf-8")

    do_HEAD = do_GET

    def do_OPTIONS(self) -> None:
        """Answers the question of a browser before a page from elsewhere (a file, another host) may post."""
        self.send_response(HTTPStatus.NO_CONTENT)
        self._allow()
        self.send_header("Access-Control-Allow-Methods", "POST")
        self.send_header("Access-Control-Allow-Headers", "Content-Type")
        self.end_headers()

    def do_POST(self) -> None:
        if urlsplit(self.path).path != "/answers":
            return self._reply(HTTPStatus.NOT_FOUND, "answers go to /answers")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            return self._reply(HTTPStatus.LENGTH_REQUIRED, "answers need a Content-Length")
        if len(length) > 9 or int(length) > MAX_BYTES:
            return self._reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"answers over {MAX_BYTES:,} bytes are refused")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            return self._reply(HTTPStatus.BAD_REQUEST, "the answers broke off")
        try:
            status, line = self.server.answers.save(body)
        except OSError as error:
            self.server.show(f"answers could not be written: {error.strerror}")
            return self._reply(HTTPStatus.INTERNAL_SERVER_ERROR, "the answers could not be written")
        if status == HTTPStatus.CREATED:
            self.server.show("answers of one rater kept")
        return self._reply(status, line)

    def log_message(self, *_: object) -> None:
        """Logs nothing: the study must not record who opens the page, and when."""

    def _reply(self, status: int, line: str) -> None:
        return self._send(status, f"{line}\n".encode(), "text/plain; charset=utf-8")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self._allow()
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _allow(self) -> None:
        # pages from anywhere may post and read the reply: there are no cookies to misuse, and nothing else to read
        self.send_header("Access-Control-Allow-Origin", "*")
