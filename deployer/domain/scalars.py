"""The texts of a manifest that are more than text: ids, names, URLs, and where a token is."""

import re
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from deployer.domain.manifest_rules import PLANNED
from deployer.domain.wording import legible

_IDENTIFIER = re.compile(r"[0-9A-Za-z]{8,64}")
_MANGLED = re.compile(r"[0-9]+([.,][0-9]+)?[eE]\+?[0-9]+")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_ACCOUNT = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,62}")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile(r"(?:env|file):.+")  # what is filled in for a tenant can only follow
_TOKEN = re.compile(r"(?:env:[A-Za-z_][A-Za-z0-9_]*|file:.+|command:.+)")


def identifier(text: str) -> str:
    """Return `text` if it can be an id of the platform, else raise ValueError."""
    if _IDENTIFIER.fullmatch(text):  # also digits with one "e": of 100,000 ids of 24 digits some three are such
        return text
    if _MANGLED.fullmatch(text):
        raise ValueError(f'"{text}" was an id until a spreadsheet made a number of it: format the column as text')
    raise ValueError(f'"{text}" is no id: 8 to 64 letters and digits')


def account_name(text: str) -> str:
    """Return `text` if it can be the name of an account, else raise ValueError."""
    if not _ACCOUNT.fullmatch(text):
        raise ValueError('an account\'s name is made of letters, digits, ".", "-" and "_", 63 at most')
    return text


def slug(text: str) -> str:
    """Return `text` if it can be a name that stands in ids, else raise ValueError."""
    if not _SLUG.fullmatch(text):
        raise ValueError('must be lower-case letters, digits, "-" and "_", 63 at most')
    return text


def _token(text: str) -> str:
    if text.startswith("keyring:"):
        raise ValueError(f"keyring: is {PLANNED}")
    if not _TOKEN.fullmatch(text):
        raise ValueError(
            "a token itself never stands in a manifest: write where it is, as env:NAME, file:PATH or command:…"
        )
    return text


def _secret(text: str) -> str:
    if not _SECRET.fullmatch(text):
        raise ValueError("a secret itself never stands in a manifest: write where it is, as env:NAME or file:PATH")
    return text


def _secret_name(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError('a secret\'s name is made of letters, digits and "_"')
    return text


def _url(text: str) -> str:
    url = urlsplit(text)
    if "@" in url.netloc:
        raise ValueError("a URL must not hold a user or a password")
    if not url.hostname or url.path not in {"", "/"} or url.query or url.fragment:
        raise ValueError("must be scheme, host and port only, such as https://api.integrator.io")
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.hostname)):
        raise ValueError("must begin with https:// (http:// only for this very machine)")
    return text.rstrip("/")


def is_loopback(host: str) -> bool:
    """Tell whether a host, by name or number, is this very machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Id = Annotated[str, AfterValidator(identifier)]
Slug = Annotated[str, AfterValidator(slug)]
Name = Annotated[str, AfterValidator(legible)]
Url = Annotated[str, AfterValidator(_url)]
AccountName = Annotated[str, AfterValidator(account_name)]
SecretReference = Annotated[str, AfterValidator(_secret)]
SecretName = Annotated[str, AfterValidator(_secret_name)]
TokenReference = Annotated[str, AfterValidator(_token)]
