"""What a request that changes something must fulfil before it is read.

A page that is open in a browser on this machine can send requests to a loopback address, whatever site it comes from. So a
body must be application/json, which a foreign page cannot send without asking first (CORS, which is never granted), and
what has no body is refused when the browser says that it comes from another site. A body must also tell its length, and
be no longer than MAX_BODY_BYTES.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import answer

MAX_BODY_BYTES = 32 * 2**20
"""Ten thousand leads with every field at its longest stay under it."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITE = frozenset({"same-origin", "none"})


class RequestGuard:
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
    if "transfer-encoding" in headers:
        return answer(411, "length_required", "The body must tell its Content-Length")
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
        return answer(413, "content_too_large", f"The body may have {MAX_BODY_BYTES} bytes")
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if int(length) > 0 and media_type != "application/json":
        return answer(415, "unsupported_media_type", "The body must be application/json")
    return None


def is_cross_site(headers: Headers) -> bool:
    """What the browser says: Sec-Fetch-Site, and Origin from those that do not know it. Other clients send neither."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in OWN_SITE
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")
