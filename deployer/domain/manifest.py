"""The manifest as validated values."""

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    PlainSerializer,
    PrivateAttr,
    StrictBool,
    StrictInt,
    Tag,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from deployer.domain import manifest_rules
from deployer.domain.source import Steps, read_yaml
from deployer.domain.wording import legible
from deployer.errors import ManifestError

REGIONS: Final[Mapping[str, str]] = {
    "us": "https://api.integrator.io",
    "eu": "https://api.eu.integrator.io",
    "au": "https://api.au.integrator.io",
    "ca": "https://api.ca.integrator.io",
}
_IDENTIFIER = re.compile(r"[0-9A-Za-z]{8,64}")
_MANGLED = re.compile(r"[0-9]+([.,][0-9]+)?[eE]\+?[0-9]+")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_ACCOUNT = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,62}")
_TOKEN = re.compile(r"(?:env:[A-Za-z_][A-Za-z0-9_]*|file:.+|command:.+)")
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)%")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def identifier(text: str) -> str:
    """Return `text` if it can be an id of the platform, else raise ValueError."""
    if _MANGLED.fullmatch(text):
        raise ValueError(f'"{text}" was an id until a spreadsheet made a number of it: format the column as text')
    if not _IDENTIFIER.fullmatch(text):
        raise ValueError(f'"{text}" is no id: 8 to 64 letters and digits')
    return text


def _slug(text: str) -> str:
    if not _SLUG.fullmatch(text):
        raise ValueError('must be lower-case letters, digits, "-" and "_", 63 at most')
    return text


def _account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise ValueError('an account\'s name is made of letters, digits, ".", "-" and "_", 63 at most')
    return text


def _token(text: str) -> str:
    if text.startswith("keyring:"):
        raise ValueError(f"keyring: is {manifest_rules.PLANNED}")
    if not _TOKEN.fullmatch(text):
        raise ValueError(
            "a token itself never stands in a manifest: write where it is, as env:NAME, file:PATH or command:…"
        )
    return text


def _url(text: str) -> str:
    url = urlsplit(text)
    if "@" in url.netloc:
        raise ValueError("a URL must not hold a user or a password")
    if not url.hostname or url.path not in {"", "/"} or url.query or url.fragment:
        raise ValueError("must be scheme, host and port only, such as https://api.integrator.io")
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.hostname)):
        raise ValueError("must begin with https:// (http:// only for this very machine)")
    return text.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def span(text: object) -> float:
    """Return a duration such as 250ms, 30s, 5m or 2h in seconds; raise ValueError for anything else."""
    match = _SPAN.fullmatch(str(text))
    if not match:
        raise ValueError("must be a duration such as 250ms, 30s, 5m or 2h")
    return float(match[1]) * _SECONDS[match[2]]


def _share(text: object) -> float:
    match = _PERCENT.fullmatch(str(text))
    if not match:
        raise ValueError("must be a percentage such as 50%")
    return float(match[1]) / 100


def _per_second(value: object) -> object:
    number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    if value != "auto" and not number:
        raise ValueError("must be a number above 0, or auto where nobody knows the limit")
    return value


Id = Annotated[str, AfterValidator(identifier)]
Slug = Annotated[str, AfterValidator(_slug)]
Name = Annotated[str, AfterValidator(legible)]
Url = Annotated[str, AfterValidator(_url)]
TokenReference = Annotated[str, AfterValidator(_token)]
_Span = Annotated[float, BeforeValidator(span), PlainSerializer(lambda seconds: f"{seconds:.6f}s")]
Duration = Annotated[_Span, Field(ge=0)]
Timeout = Annotated[_Span, Field(gt=0)]
Share = Annotated[float, BeforeValidator(_share), PlainSerializer(lambda share: f"{share:.6%}"), Field(gt=0, le=1)]
Positive = Annotated[StrictInt, Field(gt=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True, hide_input_in_errors=True)


class Template(_Part):
    """What is rolled out: a flow of the account, or a file; `key` identifies it either way."""

    flow: Id | None = None
    file: Name | None = None
    id: Slug | None = None

    @property
    def key(self) -> str:
        """Return the template key of decision 1: the source flow's id, or the slug of a file."""
        return self.flow or self.id or ""


class Rate(_Part):
    """What of an account's rate budget is ours. `auto` is a limit that nobody knows: it is found."""

    per_second: Annotated[float | Literal["auto"], BeforeValidator(_per_second)] | None = None
    burst: Positive | None = None
    share: Share | None = None
    in_flight: Positive | None = None

    @field_validator("burst")
    @classmethod
    def _no_burst_of_an_unknown_limit(cls, burst: int | None, given: ValidationInfo) -> int | None:
        if burst is not None and given.data.get("per_second") == "auto":
            raise ValueError("needs a number in per_second: what is found by trying has no burst")
        return burst


class Account(_Part):
    """One credential, region and rate budget."""

    region: Literal["us", "eu", "au", "ca"] | None = None
    url: Url | None = None
    token: TokenReference
    template: Id | None = None
    connections: dict[Id, Name] | None = None
    rate: Rate | None = None

    @property
    def base_url(self) -> str:
        """Return scheme and host, without a path and a slash at the end."""
        return self.url or REGIONS[self.region or "us"]


class TenantEntry(_Part):
    """One tenant as a manifest, a JSON list or JSON lines write it."""

    tenant: Name
    account: str | None = None
    integration: Id
    id: Id | None = None
    labels: dict[Name, Name] = {}
    values: dict[str, JsonValue] = {}
    _where: str = PrivateAttr(default="")

    @property
    def where(self) -> str:
        """Return file, line and column, if the manifest itself holds the entry."""
        return self._where

    def placed(self, where: str) -> Self:
        """Remember where the entry stands: no field, since nobody may write it and no digest may hold it."""
        self._where = where
        return self


class Run(_Part):
    """Whether and how each flow is run once it is deployed."""

    trigger: StrictBool = False
    follow: StrictBool = False
    max_errors: Annotated[StrictInt, Field(ge=0)] = 0
    timeout: Timeout = 1800.0
    mode: Literal["at-most-once", "reconcile"] = "at-most-once"


class Safety(_Part):
    """S, V, E and the timeouts T of the safety rules, in seconds."""

    settle: Duration = 120.0
    lag: Duration = 30.0
    intent: Timeout = 10.0
    clone_timeout: Timeout = 360.0
    timeout: Timeout = 30.0


def _kind(value: object) -> str:
    return "list" if isinstance(value, list | tuple) else "path"


class Manifest(_Part):
    """The user's file: template, accounts, tenants and what each tenant's flow is to be."""

    name: Slug
    template: Template
    accounts: Annotated[dict[Annotated[str, AfterValidator(_account)], Account], Field(min_length=1)]
    tenants: Annotated[
        Annotated[Name, Tag("path")] | Annotated[tuple[TenantEntry, ...], Tag("list")], Discriminator(_kind)
    ]
    flow: dict[str, JsonValue] = {}
    connections: dict[Id, Name] = {}
    run: Run = Run()
    marker: Literal["description", "none"] = "description"
    adopt: Literal["name", "id"] | None = None
    drift: Literal["report"] = "report"
    safety: Safety = Safety()


_KEYS: Final[Mapping[Steps, Iterable[str]]] = {
    (): Manifest.model_fields,
    ("template",): Template.model_fields,
    ("accounts", "*"): Account.model_fields,
    ("accounts", "*", "rate"): Rate.model_fields,
    ("run",): Run.model_fields,
    ("safety",): Safety.model_fields,
}


def _tenant_keys(text: str) -> Iterable[str]:
    return [*TenantEntry.model_fields, *re.findall(r"(?<=tenant\.)values\.[\w.-]+", text)]


def parse_manifest(text: str, name: str, env: Mapping[str, str]) -> Manifest:
    """Read a manifest and fill in `${env:…}`; raise ManifestError with every problem, in the order of the file.

    Under `flow` and `connections` references stay as they are, to be filled in for each tenant.
    """
    source = read_yaml(text, name)
    if not isinstance(source.value, dict):
        raise ManifestError([source.problem((), "must be a mapping of keys to values")])
    filled, found = manifest_rules.fill(source.value, env)
    found += manifest_rules.rules(filled)
    try:
        manifest = Manifest.model_validate(filled)
    except ValidationError as error:
        found += manifest_rules.complaints(error, {**_KEYS, ("tenants", "*"): _tenant_keys(text)})
    else:
        if isinstance(manifest.tenants, tuple):
            for index, entry in enumerate(manifest.tenants):
                entry.placed(source.problem(("tenants", index), "").where)
        if not found:
            return manifest
    raise ManifestError(manifest_rules.problems(source, found))
