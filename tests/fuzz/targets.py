"""What may be given to each parser, and what has to come of it: a value, or an error that names the place.

A target takes bytes, whoever makes them: hypothesis, a fuzzer that follows coverage, or a file of `corpus/`. Whatever
else it raises is a fault of the parser.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import wraps
from io import StringIO
from itertools import islice, pairwise
from math import isfinite
from typing import Final, TypeAlias

import yaml

from deployer.domain.accounts import with_accounts
from deployer.domain.cron import normal_cron, occurrences
from deployer.domain.desired import owned_leaves
from deployer.domain.documents import MISSING, Json, Value, canonical
from deployer.domain.flow_schedule import normal_form
from deployer.domain.interpolation import InterpolationError, interpolate
from deployer.domain.manifest import Manifest, parse_manifest
from deployer.domain.pacing import LONGEST_PAUSE, pause_seconds
from deployer.domain.schedule import Schedule
from deployer.domain.source import read_json, read_yaml
from deployer.domain.tenants import Format, inline_tenants, read_tenants
from deployer.domain.values import set_values
from deployer.engine.tenants import Tenants
from deployer.errors import DeployerError, ManifestError
from deployer.integrator import wire
from tests.fuzz.bounds import bounded

Target: TypeAlias = Callable[[bytes], None]
TARGETS: Final[dict[str, Target]] = {}

ENV: Final = {"HOST": "acme", "EMPTY": "", "AGAIN": "${env:HOST}", "LONG": "x" * 300, "HALF": "\udcff"}
KINDS: Final[Sequence[Format]] = ("csv", "json", "jsonl")
_NAMES: Final[Mapping[str, Json]] = {
    "a": "b",
    "n": 7,
    "none": None,
    "list": [1, {"k": "v"}],
    "empty": "",
    "u": "$unset",
}
_BASE: Final = """
name: order-sync
template: {flow: 5f0000000000000000000001}
accounts: {main: {region: us, token: "env:T"}, other: {region: eu, token: "env:T"}}
tenants: tenants.csv
"""
_MANIFEST: Final = parse_manifest(_BASE, "rollout.yaml", {})
_SCHEDULED: Final = f"{_BASE}schedules: {{nightly: {{do: run, timezone: Europe/Berlin, cron: %s}}}}\n"
_LOCAL: Final = datetime(2026, 3, 1)  # noqa: DTZ001 - local times have no zone of their own
_DUMPER: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_STATUSES: Final = (200, 201, 204, 301, 400, 401, 422, 429, 503)
_LONGEST_LINE: Final = 600
_ANSWERS: Final = (
    wire.nothing,
    wire.document,
    wire.document_of("6b0493a34e07408562bedb8b"),
    wire.documents,
    wire.entries,
    wire.created,
    wire.copy_of("55ea78c6b751843c37b7b367"),
    wire.field_of("_jobId"),
)


def target(check: Target) -> Target:
    """Add a check to the targets, by its name, and hold it to its bounds."""

    @wraps(check)
    def within_bounds(content: bytes) -> None:
        with bounded(len(content)):
            check(content)

    TARGETS[check.__name__] = within_bounds
    return within_bounds


@target
def manifest(content: bytes) -> None:
    """Give a manifest; what is read of it is kept in the journal, and is the same when it is read there."""
    text = _text(content)
    try:
        read = parse_manifest(text, "rollout.yaml", ENV)
        tenants = list(inline_tenants(read))
    except ManifestError as error:
        _names_places(error, "rollout.yaml", text)
        return
    kept = read.model_dump(mode="json")
    canonical(kept)
    assert Manifest.model_validate(kept).model_dump(mode="json") == kept
    assert all(each.where.startswith("rollout.yaml:") for each in tenants)
    for name, schedule in read.schedules.items():
        assert _again(schedule) == schedule, name


def _again(schedule: Schedule) -> Schedule:
    return Schedule.model_validate(json.loads(canonical(schedule.model_dump(mode="json"))))


@target
def document(content: bytes) -> None:
    """Give YAML; what another program would write for the value that is read is read as that value."""
    text = _text(content)
    try:
        value = read_yaml(text, "r.yaml").value
    except ManifestError as error:
        _names_places(error, "r.yaml", text)
        return
    assert read_yaml(yaml.dump(value, Dumper=_DUMPER), "r.yaml").value == value


@target
def tenants(content: bytes) -> None:
    """Give a list of tenants, the first byte saying of which kind; each is the same once it was kept."""
    kind = KINDS[(content or b"\0")[0] % len(KINDS)]
    text = _text(content[1:])
    kept = Tenants()
    try:
        for tenant in read_tenants(StringIO(text, newline=""), name="t.x", kind=kind, manifest=_MANIFEST):
            kept.add(tenant)
            assert kept[len(kept) - 1] == tenant
            _can_be_owned(tenant.values)
    except ManifestError as error:
        _names_places(error, "t.x", text)


def _can_be_owned(values: Mapping[str, Json]) -> None:
    """Let values stand in a flow, where they are walked; what may not stand there is refused in words."""
    try:
        owned_leaves(("settings", "x"), dict(values), {})
    except InterpolationError as error:
        _demand_sentence(str(error))


@target
def accounts(content: bytes) -> None:
    """Give a list of accounts, which comes from a file only, and so is text."""
    text = content.decode("utf-8", "replace")
    try:
        read = with_accounts(_MANIFEST, StringIO(text, newline=""), name="a.csv", env=ENV)
    except ManifestError as error:
        _names_places(error, "a.csv", text)
        return
    kept = read.model_dump(mode="json")
    canonical(kept)
    assert Manifest.model_validate(kept).accounts == read.accounts


@target
def cron(content: bytes) -> None:
    """Give a cron expression: its normal form is its own, and times come in order; else a manifest names its place."""
    text = _text(content)
    for normal in (normal_cron, normal_form):
        try:
            found = normal(text)
        except ValueError as error:
            _demand_sentence(str(error))
        else:
            assert normal(found) == found
    stated = _SCHEDULED % json.dumps(text, ensure_ascii=False)
    try:
        schedule = parse_manifest(stated, "rollout.yaml", ENV).schedules["nightly"]
    except ManifestError as error:
        _names_places(error, "rollout.yaml", stated)
        return
    times = list(islice(occurrences(schedule.cron, schedule.timezone, after=_LOCAL), 5))
    assert times
    assert all(one.local < other.local and one.due <= other.due for one, other in pairwise(times))


@target
def interpolation(content: bytes) -> None:
    """Give a text with references: a value, or an error that leads to it; what is escaped comes out as it was."""
    text = _text(content)
    known = [*_NAMES, *(f"env:{name}" for name in ENV)]
    try:
        interpolate({"flow": [text]}, _lookup, known=known)
    except InterpolationError as error:
        _leads_to_it(error)
    assert interpolate(_escaped(text), _lookup) == text


def _leads_to_it(error: InterpolationError) -> None:
    assert error.steps == ("flow", 0)
    _demand_sentence(str(error))


def _lookup(name: str) -> Value:
    return _NAMES.get(name, MISSING)


def _escaped(text: str) -> str:
    """Write a text such that it comes out as it was: a dollar more before each `${` outside of Handlebars."""
    before, end, rest = text.rpartition("}}")  # what begins in the rest is no Handlebars, and is not looked for there
    whole = re.sub(r"\{\{.*?\}\}|\$\{(?!\{)", _with_a_dollar, before + end, flags=re.DOTALL)
    return whole + re.sub(r"\$\{(?!\{)", _with_a_dollar, rest)


def _with_a_dollar(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith("{") else f"${found[0]}"


@target
def overrides(content: bytes) -> None:
    """Give the texts of `--set`, one a line."""
    try:
        canonical(set_values(_text(content).split("\n")))
    except DeployerError as error:
        _demand_sentence(error.what.removeprefix("--set "))


@target
def json_file(content: bytes) -> None:
    """Give a template from a file; what is read can be written, and is the same when it is read again."""
    text = _text(content)
    try:
        value = read_json(text, "flow.json")
    except ManifestError as error:
        _names_places(error, "flow.json", text)
        return
    assert read_json(canonical(value), "flow.json") == value
    _can_be_owned({"x": value})


@target
def answer(content: bytes) -> None:
    """Give an answer of the API, the first byte saying which status; it has a meaning, whoever reads it."""
    status = _STATUSES[(content or b"\0")[0] % len(_STATUSES)]
    body = content[1:]
    for read in _ANSWERS:
        match wire.classify(wire.Answer(status, body), read):
            case wire.Refused(errors=errors):
                assert errors
                _are_lines(text for error in errors for text in (error.code, error.message, error.field or "-"))
            case wire.Unknown(reason) | wire.NotSent(reason):
                _are_lines([reason])
            case wire.Done() | wire.Throttled():
                pass
    try:
        value = wire.parse(body)
    except wire.UnreadableError as error:
        _are_lines([str(error)])
    else:
        assert wire.parse(json.dumps(value).encode()) == value


@target
def headers(content: bytes) -> None:
    """Give the headers of an answer: where the next page lies, and how long to wait."""
    text = content.decode("latin-1")
    try:
        wire.next_link(text)
    except wire.UnreadableError as error:
        _are_lines([str(error)])
    pause = pause_seconds(text, now=1.7e9)
    assert pause is None or (isfinite(pause) and 0 <= pause <= LONGEST_PAUSE)


def _text(content: bytes) -> str:
    """Return bytes as a person's Python hands them on: what is no UTF-8 as halves of characters."""
    return content.decode("utf-8", "surrogateescape")


def _names_places(error: ManifestError, name: str, text: str) -> None:
    """Check that every problem says where it is, within what was given, and what it is."""
    assert error.problems
    for problem in error.problems:
        place = re.fullmatch(rf"{re.escape(name)}(?::([0-9]+)(?::([0-9]+))?|\[[0-9]+\])?", problem.where)
        assert place, problem.where
        assert all(1 <= int(number) <= len(text) + 2 for number in place.groups() if number)
        _demand_sentence(problem.what)
    assert len(error.lines()) == len(error.problems)


def _demand_sentence(text: str) -> None:
    """Check that a text says something to a person: not what Python or pydantic say to programmers."""
    assert text.strip()
    assert not re.search(r"set_int_max_str_digits|Traceback|Input should|validation error", text)


def _are_lines(texts: Iterable[str]) -> None:
    for text in texts:
        assert text
        assert len(text) <= _LONGEST_LINE
        assert text.isprintable()
