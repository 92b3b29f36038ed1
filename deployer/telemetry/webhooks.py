"""Post to a webhook: once if that can be, again where nothing may have come of it, and never for long."""

from collections.abc import Iterator, Mapping
from typing import Final

import aiohttp
import anyio
from yarl import URL

PATIENCE: Final = 10.0  # seconds that all tries may take together
_WAITS: Final = (0.5, 1.5)  # seconds before each further try
_TOO_MANY, _BROKEN = 429, 500
_SAID: Final[Mapping[type[Exception], str]] = {  # what aiohttp says itself may hold the address
    aiohttp.ClientConnectorCertificateError: "its certificate is not accepted",
    aiohttp.ClientConnectorDNSError: "its name is not known",
    aiohttp.ClientConnectorError: "it cannot be reached",
}


async def post(url: URL, body: bytes) -> str | None:
    """Post JSON, and return in a few words why that failed, without the address; None where it was taken.

    What may have arrived is sent again only where the server says itself that it could not take it.
    """
    with anyio.move_on_after(PATIENCE):
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout) as session:
            waits: Iterator[float | None] = iter((*_WAITS, None))
            while True:
                reason, again = await _once(session, url, body)
                wait = next(waits)
                if reason is None or not again or wait is None:
                    return reason
                await anyio.sleep(wait)
    return f"no answer within {PATIENCE:g} s"


async def _once(session: aiohttp.ClientSession, url: URL, body: bytes) -> tuple[str | None, bool]:
    """Return why a try failed, if it did, and whether another may help."""
    headers = {"Content-Type": "application/json"}
    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
            status = answer.status
    except TimeoutError:
        return f"no answer within {PATIENCE:g} s", False
    except (aiohttp.ClientError, OSError, ValueError) as error:
        said = (words for kind, words in _SAID.items() if isinstance(error, kind))
        return next(said, "the connection broke"), True
    if 200 <= status < 300:  # noqa: PLR2004 - taken
        return None, False
    return f"it answered {status}", status == _TOO_MANY or status >= _BROKEN
