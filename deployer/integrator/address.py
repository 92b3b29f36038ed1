"""Addresses of the API: what may be called, and what belongs to it."""

from yarl import URL

from deployer.domain.scalars import is_loopback
from deployer.errors import UsageError
from deployer.integrator.wire import IDENTIFIER


def checked_base(text: str) -> URL:
    """Return the root of the API under a base URL; raise UsageError unless it is https, or http on loopback."""
    url = parsed(text)
    if url is None or not _is_safe(url) or url.user is not None or url.query_string:
        raise UsageError("not an address of the API: it has to be https://<host>", where=text)
    return url / "v1" / ""


def is_below(url: URL, base: URL) -> bool:
    """Tell whether a URL is part of the API at `base`: the token goes nowhere else."""
    return url.path.startswith(base.path) and _origin(url) == _origin(base)


def _origin(url: URL) -> tuple[str, str | None, int | None, str | None]:
    return url.scheme, url.host, url.port, url.user


def _is_safe(url: URL) -> bool:
    return bool(url.host) and (url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host or "")))


def parsed(text: str) -> URL | None:
    """Return a URL, or None for what is none."""
    try:
        return URL(text)
    except ValueError:
        return None


def path_id(text: str) -> str:
    """Return an id that may stand in a path; raise UsageError for anything else."""
    if not IDENTIFIER.fullmatch(text):
        raise UsageError(f"not an id of integrator.io: {text[:80]!r}")
    return text
