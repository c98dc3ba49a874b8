"""Serves a study's page to raters and keeps their answers, one file each; Tornado speaks HTTP and keeps deadlines."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import socket
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream, StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

from animegan3_tf.common.console import say
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import StrPath, only_process, remove_leftovers
from animegan3_tf.study.answers import MAX_BYTES, AnswerFolder
from animegan3_tf.study.build import post_origin, read_study

SECONDS = 30.0  # in which the head of a request has to come, and in which its body has
CONNECTIONS = 200  # open at once; below the least limit of open files that systems come with, 256
_SLOWEST = 20_000  # bytes a second: who takes the page more slowly is cut off
_PIECE = 1 << 16  # bytes of the page that wait for a rater at a time
_HINTS = 20  # different lines about refused requests: a sender makes up as many origins as it likes
_ORIGIN = re.compile(r"null|https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]+)?")


def make_server(
    page: StrPath,
    out: StrPath,
    host: str = "127.0.0.1",
    port: int = 8000,
    show: Callable[[str], None] = lambda line: None,
    allow_origins: Collection[str] = (),
) -> StudyServer:
    """Makes a server of the page at / and of POST /answers, which listens, and answers once it runs.

    Answers are taken from the page that this server hands out, from the address that `build --post` named, from
    `allow_origins`, and from programs, which have no origin. Requests have to name the server by a number, as
    localhost, by this machine's name, or by the host of such an address: by another name a page from elsewhere could
    pass for the server's own (DNS rebinding).

    Args:
        page: The study's page.
        out: The folder of answers, made if missing.
        host: The address to listen on.
        port: The port; 0 for any free one.
        show: Called with a line each time that answers are kept, could not be, or were refused for their origin.
        allow_origins: Other origins that may send answers, such as https://example.org; null for pages that were
            opened as files, and with them for any page that makes itself as nameless.

    Raises:
        UserError: The file is not a study's page, the folder cannot be made, or an address cannot be used.
    """
    study, html = read_study(page)
    origins = {_parse_origin(text) for text in allow_origins}
    if (own := post_origin(study.post)).startswith("http"):
        origins.add(_parse_origin(own))
    here = socket.gethostname().lower()
    names = {"localhost", host.lower(), here, f"{here}.local", *(_name(one.partition("://")[2]) for one in origins)}
    answers = AnswerFolder(out, study)
    try:
        sockets = bind_sockets(port, host)
    except (OSError, OverflowError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{host}:{port} cannot be listened on ({reason}); give another --host or --port") from None
    # a page that a rater took under one name may be built to send its answers to another
    origins |= {f"http://{name}:{sockets[0].getsockname()[1]}" for name in names}
    return StudyServer(_Served(html, answers, frozenset(origins), frozenset(names), show), sockets)


def serve(
    page: StrPath,
    out: StrPath,
    host: str,
    port: int,
    show: Callable[[str], None] = say,
    allow_origins: Collection[str] = (),
) -> None:
    """Serves until interrupted.

    Args:
        page: See `make_server`.
        out: See `make_server`.
        host: See `make_server`.
        port: See `make_server`.
        show: Called with a line for the address, and with each line of `make_server`.
        allow_origins: See `make_server`.

    Raises:
        UserError: See `make_server`; also where another server keeps its answers in `out`.
    """
    with make_server(page, out, host, port, show, allow_origins) as server:
        address = f"[{host}]" if ":" in host else host
        try:
            with only_process(out):
                remove_leftovers(out)
                show(f"serving http://{address}:{server.port}/ and keeping answers in {out}; Ctrl-C ends")
                server.run()
        except BlockingIOError:
            raise UserError(f"--out {quote(out)} is used by another server; end that one or name another") from None
        except KeyboardInterrupt:
            pass


def _parse_origin(text: str) -> str:
    """Writes an origin as browsers do, in small letters and without the port that goes without saying."""
    origin = re.sub(r"^(http://.*):80$|^(https://.*):443$", r"\1\2", text.lower().rstrip("/"))
    if not _ORIGIN.fullmatch(origin):
        raise UserError(
            f"--allow-origin {text!r} is no origin; write https://example.org, or null for pages opened as files"
        )
    return origin


def _name(host: str) -> str:
    """Takes the port off a host."""
    return re.sub(r":[0-9]+$", "", host.lower())


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class _Served:
    """What requests are answered from."""

    html: bytes
    answers: AnswerFolder
    origins: frozenset[str]
    names: frozenset[str]
    show: Callable[[str], None]
    _shown: set[str] = field(default_factory=set)

    def tell(self, line: str) -> None:
        """Shows a line; a terminal that was closed does not end the study."""
        with contextlib.suppress(OSError, ValueError):
            self.show(line)

    def hint(self, line: str) -> None:
        """Shows a line that was not shown before."""
        if line not in self._shown and len(self._shown) < _HINTS:
            self._shown.add(line)
            self.tell(line)


class StudyServer:
    """A server that `make_server` made. A `with` block closes it.

    Attributes:
        port: The port that it listens on.
    """

    def __init__(self, served: _Served, sockets: list[socket.socket]) -> None:
        self._served, self._sockets = served, sockets
        self._ready = threading.Event()
        self.port: int = sockets[0].getsockname()[1]

    def __enter__(self) -> StudyServer:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._sockets:
            one.close()

    def run(self) -> None:
        """Answers requests until `stop`, or an interrupt. Answers that are being written then are written whole."""
        asyncio.run(self._run())

    def stop(self) -> None:
        """Ends `run`, which another thread has called."""
        self._ready.wait()
        self._loop.call_soon_threadsafe(self._ended.set)

    async def _run(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        routes = [("/", _Page, {"served": self._served}), ("/answers", _Receiver, {"served": self._served})]
        application = Application(
            routes,
            default_handler_class=_Handler,
            default_handler_args={"served": self._served},
            log_function=lambda handler: None,  # the study must not record who opens the page, and when
        )
        server = _Limited(
            application,
            no_keep_alive=True,  # a rater needs three requests, and an idle connection would count
            max_header_size=1 << 14,
            idle_connection_timeout=SECONDS,
            body_timeout=SECONDS + 5,  # of requests that send a body in vain: answers have their own, with a reply
            max_body_size=MAX_BYTES,
        )
        server.add_sockets(self._sockets)
        self._ready.set()
        try:
            await self._ended.wait()
        finally:
            server.stop()
            await server.close_all_connections()


class _Limited(HTTPServer):
    """A server that turns away connections over a number."""

    _open = 0

    def handle_stream(self, stream: IOStream, address: tuple) -> None:
        if self._open >= CONNECTIONS:
            stream.write(b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            return stream.close()
        self._open += 1
        return super().handle_stream(stream, address)

    def on_close(self, server_conn: object) -> None:
        self._open -= 1
        super().on_close(server_conn)


class _Refused(HTTPError):
    """A request that gets a status and a line that explains it."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(status)
        self.line = line


class _Handler(RequestHandler):
    """Replies to any address that there is not, and holds what the others share."""

    def initialize(self, served: _Served) -> None:
        self.served = served

    def prepare(self) -> None:
        name = self.request.host_name
        if not (name in self.served.names or _is_address(name)):
            self.served.hint(f"refused a request to the host {name!r}; --allow-origin http://{name} lets it in")
            raise _Refused(HTTPStatus.MISDIRECTED_REQUEST, "this server goes by another name")
        if type(self) is _Handler:
            raise _Refused(HTTPStatus.NOT_FOUND, "there is only / and /answers")

    def write_error(self, status_code: int, **reason: Any) -> None:
        error = reason["exc_info"][1] if "exc_info" in reason else None
        self.reply(status_code, error.line if isinstance(error, _Refused) else HTTPStatus(status_code).phrase)

    def reply(self, status: int, line: str = "") -> None:
        """Ends the request with a status and a line."""
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        if self.origin in self.served.origins:
            self.set_header("Access-Control-Allow-Origin", self.origin)
            self.set_header("Vary", "Origin")
        self.finish(f"{line}\n" if line else None)

    @property
    def origin(self) -> str:
        """Where the page comes from that sends the request; "" where no browser says so."""
        return self.request.headers.get("Origin", "").lower()

    def set_default_headers(self) -> None:
        self.set_header("Server", "animegan3")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def compute_etag(self) -> None:
        """None: nothing may be cached."""

    def log_exception(self, kind: Any, error: Any, traceback: Any) -> None:
        """Shows one line for an error, and nothing for a request that was refused or a browser that went away."""
        if not isinstance(error, (HTTPError, StreamClosedError)):
            self.served.hint(f"a request failed ({kind.__name__}: {error})")


class _Page(_Handler):
    async def get(self) -> None:
        if "block" not in self.request.query_arguments:
            # the block stands in the address, so that a reload before the first answer shows the same trials
            block = await IOLoop.current().run_in_executor(None, self.served.answers.next_block)
            query = f"{self.request.query}&" if self.request.query else ""
            self.set_status(HTTPStatus.FOUND)
            self.set_header("Location", f"?{query}block={block}")
            return
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Length", str(len(self.served.html)))
        if self.request.method == "HEAD":
            return
        try:
            await asyncio.wait_for(self._send(), SECONDS + len(self.served.html) / _SLOWEST)
        except asyncio.TimeoutError:
            self.detach().close()

    head = get

    async def _send(self) -> None:
        for start in range(0, len(self.served.html), _PIECE):
            self.write(self.served.html[start : start + _PIECE])
            await self.flush()


@stream_request_body
class _Receiver(_Handler):
    def initialize(self, served: _Served) -> None:
        super().initialize(served)
        self._body = bytearray()
        self._timer: object = None

    def prepare(self) -> None:
        super().prepare()
        if self.request.method not in ("POST", "OPTIONS"):
            return
        headers, origin = self.request.headers, self.origin
        if not (origin in self.served.origins or origin.partition("://")[2] == self.request.host.lower() or not origin):
            self.served.hint(f"refused answers of a page from {origin!r}; --allow-origin {origin} lets it in")
            raise _Refused(HTTPStatus.FORBIDDEN, "this server takes answers of its own page only")
        if self.request.method == "OPTIONS":
            return
        if headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
            # which a page from elsewhere cannot send before it has asked by OPTIONS
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "answers are application/json")
        length = headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "answers need a Content-Length")
        if len(length) > 9 or int(length) > MAX_BYTES:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"answers over {MAX_BYTES:,} bytes are refused")
        self._timer = IOLoop.current().call_later(SECONDS, self._give_up)

    def data_received(self, chunk: bytes) -> None:
        self._body += chunk

    def on_connection_close(self) -> None:
        self.on_finish()
        super().on_connection_close()

    def on_finish(self) -> None:
        if self._timer is not None:
            IOLoop.current().remove_timeout(self._timer)

    def _give_up(self) -> None:
        self.reply(HTTPStatus.REQUEST_TIMEOUT, f"the answers did not come within {SECONDS:.0f} s")

    async def post(self) -> None:
        self.on_finish()  # the body is here
        status, line = await IOLoop.current().run_in_executor(None, self.served.answers.save, bytes(self._body))
        if status == HTTPStatus.CREATED:
            self.served.tell("answers of one rater kept")
        elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.served.tell(line)
        self.reply(status, line)

    def options(self) -> None:
        """Answers the question of a browser before a page from elsewhere (a file, another host) may post."""
        self.set_header("Access-Control-Allow-Methods", "POST")
        self.set_header("Access-Control-Allow-Headers", "Content-Type")
        self.reply(HTTPStatus.NO_CONTENT)
