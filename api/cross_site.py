"""Keeps other web sites' hands off: a page open in a browser on this machine can send requests to a loopback address.

A body must be application/json, which a foreign page cannot send without asking first (CORS, which is never granted);
what has no body is refused when the browser says that it comes from another site.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import answer

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITE = frozenset({"same-origin", "none"})


class CrossSiteGuard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = None
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            refused = refusal(Headers(scope=scope))
        await (refused or self._app)(scope, receive, send)


def refusal(headers: Headers) -> Response | None:
    """The answer to a request that would change something and may not; None: it may."""
    if is_cross_site(headers):
        return answer(403, "cross_site", "A browser sent this from another site")
    has_body = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if has_body and media_type != "application/json":
        return answer(415, "unsupported_media_type", "The body must be application/json")
    return None


def is_cross_site(headers: Headers) -> bool:
    """What the browser says: Sec-Fetch-Site, and Origin from those that do not know it. Other clients send neither."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in OWN_SITE
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")
