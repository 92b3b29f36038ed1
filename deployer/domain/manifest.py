"""The manifest as validated values."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    JsonValue,
    PrivateAttr,
    StrictBool,
    StrictInt,
    Tag,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from deployer.domain import manifest_rules
from deployer.domain.array_models import Merge, arrays_in
from deployer.domain.arrays import Keys
from deployer.domain.documents import Path
from deployer.domain.editor import or_path
from deployer.domain.freeze import Freeze
from deployer.domain.model import Duration, Part, Positive, Share, Timeout
from deployer.domain.notify import Hook
from deployer.domain.pins import Pin
from deployer.domain.scalars import AccountName, Id, Name, SecretName, SecretReference, Slug, TokenReference, Url
from deployer.domain.schedule import Schedule
from deployer.domain.selection import label_selector
from deployer.domain.source import Located, Steps, read_yaml
from deployer.domain.wave_models import Bake, Verify, WaveEntry, Waves, WavesOrList
from deployer.errors import ManifestError

REGIONS: Final[Mapping[str, str]] = {
    "us": "https://api.integrator.io",
    "eu": "https://api.eu.integrator.io",
    "au": "https://api.au.integrator.io",
    "ca": "https://api.ca.integrator.io",
}


def _per_second(value: object) -> object:
    number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    if value != "auto" and not number:
        raise ValueError("must be a number above 0, or auto where nobody knows the limit")
    return value


class Template(Part):
    """What is rolled out: a flow of the account, or a file; `key` identifies it either way."""

    flow: Id | None = None
    file: Name | None = None
    id: Slug | None = None

    @property
    def key(self) -> str:
        """Return the template key of decision 1: the source flow's id, or the slug of a file."""
        return self.flow or self.id or ""


class Rate(Part):
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


class Account(Part):
    """One credential, region and rate budget."""

    region: Literal["us", "eu", "au", "ca"] | None = None
    url: Url | None = None
    token: TokenReference
    template: Id | None = None
    connections: dict[Id, Name] | None = None
    rate: Rate | None = None
    values: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def base_url(self) -> str:
        """Return scheme and host, without a path and a slash at the end."""
        return self.url or REGIONS[self.region or "us"]


class TenantEntry(Part):
    """One tenant as a manifest, a JSON list or JSON lines write it."""

    tenant: Name
    account: str | None = None
    integration: Id
    id: Id | None = None
    labels: dict[Name, Name] = Field(default_factory=dict)
    values: dict[str, JsonValue] = Field(default_factory=dict)
    _where: str = PrivateAttr(default="")

    @property
    def where(self) -> str:
        """Return file, line and column, if the manifest itself holds the entry."""
        return self._where

    def placed(self, where: str) -> Self:
        """Remember where the entry stands: no field, since nobody may write it and no digest may hold it."""
        self._where = where
        return self


class Run(Part):
    """Whether and how each flow is run once it is deployed."""

    trigger: StrictBool = False
    follow: StrictBool = False
    max_errors: Annotated[StrictInt, Field(ge=0)] = 0
    timeout: Timeout = 1800.0
    mode: Literal["at-most-once", "reconcile"] = "at-most-once"


class Adjusted(Part):
    """What one resource of each tenant is to be, besides its flow; all else of it is left alone."""

    settings: dict[str, JsonValue]


class Safety(Part):
    """S, V, E and the timeouts T of the safety rules, in seconds."""

    settle: Duration = 120.0
    lag: Duration = 30.0
    intent: Timeout = 10.0
    clone_timeout: Timeout = 360.0
    timeout: Timeout = 30.0


class Secrets(Part):
    """Settings that are kept as a keyed hash only: where the key of the hash is, and where each secret is."""

    key: TokenReference
    values: dict[SecretName, SecretReference]


class Workbook(Part):
    """Tenants that stand in one sheet of a workbook."""

    file: Name
    sheet: Name | None = None


def _kind(value: object) -> str:
    match value:
        case list() | tuple():
            return "list"
        case dict() | Workbook():
            return "workbook"
        case _:
            return "path"


class Manifest(Part):
    """The user's file: template, accounts, tenants and what each tenant's flow is to be."""

    name: Slug
    template: Template
    accounts: Annotated[dict[AccountName, Account], Field(json_schema_extra=or_path)]
    tenants: Annotated[
        Annotated[Name, Tag("path")]
        | Annotated[Workbook, Tag("workbook")]
        | Annotated[tuple[TenantEntry, ...], Tag("list")],
        Discriminator(_kind),
    ]
    values: dict[str, JsonValue] = Field(default_factory=dict)
    labels: dict[Annotated[str, AfterValidator(label_selector)], dict[str, JsonValue]] = Field(default_factory=dict)
    secrets: Secrets | None = None
    flow: dict[str, JsonValue] = Field(default_factory=dict)
    integration: Adjusted | None = None
    exports: dict[Name, Adjusted] = Field(default_factory=dict)
    imports: dict[Name, Adjusted] = Field(default_factory=dict)
    merge: dict[str, Merge] = Field(default_factory=dict)
    connections: dict[Id, Name] = Field(default_factory=dict)
    run: Run = Run()
    waves: WavesOrList | None = None
    marker: Literal["description", "none"] = "description"
    adopt: Literal["name", "id"] | None = None
    drift: Literal["report", "restore"] = "report"
    pins: tuple[Pin, ...] = ()
    freeze: tuple[Freeze, ...] = Field(default=(), exclude=True)  # which changes nothing of what is rolled out
    safety: Safety = Safety()
    schedules: dict[Slug, Schedule] = Field(default_factory=dict, exclude=True)  # as with a freeze
    notify: tuple[Hook, ...] = Field(default=(), exclude=True)  # as with a freeze
    _accounts_file: str | None = PrivateAttr(default=None)
    _places: Mapping[Steps, str] = PrivateAttr(default_factory=dict)

    @property
    def arrays(self) -> dict[Path, Keys]:
        """Return the arrays that are merged by their elements, and what tells those apart."""
        return arrays_in(self.merge, self.flow)

    @property
    def accounts_file(self) -> str | None:
        """Return the path that stands for the accounts; they are none until `with_accounts` has read it."""
        return self._accounts_file

    @property
    def adjusted(self) -> Iterator[tuple[tuple[str, ...], dict[str, JsonValue]]]:
        """Yield the settings stated for what a tenant has besides its flow, with the part that states them.

        That is `("integration",)`, `("exports", "<id or name>")` or `("imports", "<id or name>")`.
        """
        if self.integration:
            yield ("integration",), self.integration.settings
        for group, stated in (("exports", self.exports), ("imports", self.imports)):
            for name, adjusted in stated.items():
                yield (group, name), adjusted.settings

    def place(self, *steps: str | int) -> str:
        """Return file, line and column of a value, or of the nearest part of the manifest around it."""
        around = (steps[:length] for length in range(len(steps), 0, -1))
        return next((self._places[part] for part in around if part in self._places), "")

    def placed(self, places: Mapping[Steps, str], accounts_file: str | None = None) -> Self:
        """Remember where values stand and what the accounts' file is: no part of the digest, as with a tenant."""
        self._places = {**self._places, **places}
        self._accounts_file = self._accounts_file or accounts_file
        return self


_LAYERED: Final = frozenset(
    {"accounts", "values", "labels", "secrets", "flow", "integration", "exports", "imports", "connections", "pins"}
)
_KEYS: Final[Mapping[Steps, Iterable[str]]] = {
    (): Manifest.model_fields,
    ("template",): Template.model_fields,
    ("accounts", "*"): Account.model_fields,
    ("accounts", "*", "rate"): Rate.model_fields,
    ("integration",): Adjusted.model_fields,
    ("exports", "*"): Adjusted.model_fields,
    ("imports", "*"): Adjusted.model_fields,
    ("tenants",): Workbook.model_fields,
    ("run",): Run.model_fields,
    ("waves",): Waves.model_fields,
    ("waves", "*"): {*Bake.model_fields, *Verify.model_fields},
    ("waves", "*", "*"): WaveEntry.model_fields,
    ("waves", "*", "*", "*"): {*Bake.model_fields, *Verify.model_fields},
    ("pins", "*"): Pin.model_fields,
    ("freeze", "*"): Freeze.model_fields,
    ("safety",): Safety.model_fields,
    ("secrets",): Secrets.model_fields,
    ("notify", "*"): Hook.model_fields,
    ("schedules", "*"): Schedule.model_fields,
}


def _tenant_keys(text: str) -> Iterable[str]:
    return [*TenantEntry.model_fields, *re.findall(r"(?<=tenant\.)values\.[\w.-]+", text)]


def parse_manifest(text: str, name: str, env: Mapping[str, str]) -> Manifest:
    """Read a manifest and fill in `${env:…}`; raise ManifestError with every problem, in the order of the file.

    What is filled in for each tenant, such as `flow` and `connections`, keeps its references.
    """
    source = read_yaml(text, name)
    if not isinstance(source.value, dict):
        raise ManifestError([source.problem((), "must be a mapping of keys to values")])
    filled, found = manifest_rules.fill(source.value, env)
    found += manifest_rules.rules(filled)
    accounts_file = accounts if isinstance(accounts := filled.get("accounts"), str) else None
    try:
        manifest = Manifest.model_validate({**filled, "accounts": {}} if accounts_file else filled)
    except ValidationError as error:
        found += manifest_rules.complaints(error, {**_KEYS, ("tenants", "*"): _tenant_keys(text)})
    else:
        if not found:
            return _placed(manifest, source, accounts_file)
    raise ManifestError(manifest_rules.problems(source, found))


def _placed(manifest: Manifest, source: Located, accounts_file: str | None) -> Manifest:
    if isinstance(manifest.tenants, tuple):
        for index, entry in enumerate(manifest.tenants):
            entry.placed(source.place(("tenants", index)))
    places = {steps: source.place(steps) for steps in source.values if steps[:1] and steps[0] in _LAYERED}
    return manifest.placed(places, accounts_file)
