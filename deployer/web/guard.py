"""Who may see the dashboard and who may change anything: a token, its cookie, the Host, and where a request comes from.

A page of any other site can send requests here, and by DNS rebinding even read the answers as its own; another user of
the machine can connect as well. Neither has the token, and what the browser says of a request tells them apart.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_urlsafe
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from yarl import URL

from deployer.web.rendering import refusal

ENTRANCE: Final = "/enter"
STATIC: Final = "/static/"
_HERE: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_READING: Final = frozenset({"GET", "HEAD"})
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Guard:
    """What is asked of each request. The token stands in one address; what the browser keeps is another secret."""

    token: str = field(default_factory=lambda: token_urlsafe(32))
    session: str = field(default_factory=lambda: token_urlsafe(32))

    @property
    def check(self) -> str:
        """Return what stands in every form of ours, and in nobody else's."""
        return hmac.digest(self.session.encode(), b"form", sha256).hex()

    def allows_form(self, given: object) -> bool:
        """Tell whether a form is one of ours."""
        return isinstance(given, str) and _same(given, self.check)

    def seal(self, answer: web.StreamResponse) -> None:
        """Tell the browser what it may do with an answer."""
        answer.headers.update(_HEADERS)

    @property
    def middleware(self) -> Middleware:
        """Return what every request goes through."""

        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                answer = self._refusal(request) or await handler(request)
            except web.HTTPException as error:
                answer = error if error.status < 400 else _refused(error.status, error.reason)  # noqa: PLR2004 - no error
            if not answer.prepared:
                self.seal(answer)
            return answer

        return guarded

    def _refusal(self, request: web.Request) -> web.StreamResponse | None:
        """Return the answer to a request that goes no further, the first thing wrong with it."""
        if not _is_here(request.host):
            return _refused(403, "This is not where the dashboard is", "open the address that deployer serve printed")
        if request.path.startswith(STATIC) and request.method in _READING:
            return None
        if request.path == ENTRANCE and request.method in _READING:
            return self._enter(request)
        if not _same(request.cookies.get(_cookie(request), ""), self.session):
            return _refused(401, "Who are you?", "open the address that deployer serve printed: it holds the token")
        if request.method not in _READING and not _is_own(request):
            return _refused(403, "This request comes from somewhere else")
        return None

    def _enter(self, request: web.Request) -> web.StreamResponse:
        """Take the token out of the address: the browser keeps a secret of its own, which no script can read."""
        if not _same(request.query.get("token", ""), self.token):
            return _refused(403, "This is not the token", "open the address that deployer serve printed last")
        answer = web.Response(status=303, headers={"Location": "/"})
        answer.set_cookie(_cookie(request), self.session, path="/", httponly=True, samesite="Strict")
        return answer


def _refused(status: int, what: str, remedy: str = "") -> web.Response:
    return web.Response(status=status, text=refusal(what, remedy), content_type="text/html")


def _same(given: str, secret: str) -> bool:
    """Compare in a time that tells nothing."""
    return hmac.compare_digest(given.encode(errors="replace"), secret.encode())


def _cookie(request: web.Request) -> str:
    """Return the cookie's name: browsers share cookies between the ports of a machine, and so do two dashboards."""
    return f"deployer-{(request.url.port or 80)}"


def _is_here(authority: str) -> bool:
    """Tell whether a Host is this machine, whatever the port: there may be a tunnel to it."""
    try:
        return URL(f"http://{authority}").host in _HERE
    except ValueError:
        return False


def _is_own(request: web.Request) -> bool:
    """Tell whether a request that changes something comes from a page of ours, by what its browser says of it.

    A page that tells no referrer sends a form with the origin "null": then only Sec-Fetch-Site can tell.
    """
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if site is not None and site != "same-origin":
        return False
    if origin in {None, "null"}:
        return site == "same-origin"
    return origin == f"{request.scheme}://{request.host}"
