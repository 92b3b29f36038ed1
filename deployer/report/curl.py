"""A request as a curl command to read, keep and run: no secret in it, and nothing that a shell would act on."""

import json
import re
import shlex
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from deployer.domain.documents import Json
from deployer.report.hiding import HIDDEN, is_secret, redacted
from deployer.report.text import plain

_VARIABLE: Final = re.compile("[A-Za-z_][A-Za-z0-9_]*")


def curl_line(method: str, url: str, body: bytes | None, token: str) -> str:
    """Return the command; `token` is the reference of the manifest, which the shell resolves as `deployer` does."""
    words = ["curl", "--globoff", "-X", shlex.quote(plain(method)), shlex.quote(_url(url))]
    words += ["-H", f'"Authorization: Bearer {_token(plain(token))}"']
    if body is not None:
        words += ["-H", "'Content-Type: application/json'", "--data-raw", shlex.quote(_body(body))]
    return " ".join(words)


def _url(url: str) -> str:
    parts = urlsplit(plain(url))
    if not parts.query:
        return parts.geturl()
    query = [
        (key, HIDDEN if is_secret(key) else value) for key, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return parts._replace(query=urlencode(query, safe="*", quote_via=quote)).geturl()


def _body(body: bytes) -> str:
    try:
        value: Json = json.loads(body)
    except ValueError:
        return HIDDEN  # what cannot be read cannot be searched for secrets
    return json.dumps(redacted(value), separators=(",", ":"))  # in ASCII, so that a terminal shows what is there


def _token(reference: str) -> str:
    """Return what gives the token within double quotes of a shell."""
    kind, _, rest = reference.partition(":")
    match kind:
        case "env" if _VARIABLE.fullmatch(rest):
            return f"${rest}"
        case "file" if rest:
            home, rest = ("~/", rest[2:]) if rest.startswith("~/") else ("", rest)
            return f"$(cat -- {home}{shlex.quote(rest)})"
        case "command" if words := _words(rest):
            return f"$({words})"
        case _:
            return "$TOKEN"


def _words(command: str) -> str:
    """Return a command as words that the shell leaves alone, since `deployer` gives them to no shell either."""
    try:
        return shlex.join(shlex.split(command))
    except ValueError:
        return ""
