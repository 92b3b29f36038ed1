"""A rollout as one page that needs nothing but itself: no address is opened, and no script runs but its own."""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import islice
from typing import Any, Final, TextIO

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from deployer.domain.deployment import Status
from deployer.domain.lifecycle import StepKind
from deployer.domain.pins import REVISION_DIGITS
from deployer.report import charts
from deployer.report.marks import MARKS
from deployer.report.spans import Axis, axis_of
from deployer.report.text import cut, duration, plain, words
from deployer.report.tracks import WAITS, moment
from deployer.version import __version__

_BLOCK: Final = 2000  # tenants
_GRAINS: Final = 20_000  # how finely time is told apart in a page
_WAVES, _ACCOUNTS, _FIELDS, _CAUSES, _NAMES = 60, 12, 40, 50, 8
_ORDER: Final = tuple(MARKS)[: len(Status)]
_KINDS: Final = (*(kind.value for kind in StepKind if kind is not StepKind.FOLLOW), *WAITS)


def write_page(stream: TextIO, head: Mapping[str, Any], tenants: Iterable[Mapping[str, Any]]) -> None:
    """Write a rollout as a page; its tenants go by once."""
    axis = axis_of([(begin, end) for begin, end in head["spans"]])
    stream.writelines(_environment().get_template("report.html").generate(_context(head, tenants, axis)))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("deployer.report", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        {"duration": duration, "span": charts.span, "words": words, "many": _many, "short": _short}
    )
    environment.globals.update({"marks": MARKS, "version": __version__, "decades": charts.DECADES})
    return environment


def _shown(value: object) -> object:
    """Return what is written of a value: of foreign text only what can be read."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _short(text: str, most: int = 100) -> str:
    """Return the beginning of a text that somebody else chose."""
    return cut(plain(text), most)


def _many(count: float) -> str:
    """Return a number with its thousands apart."""
    return f"{count:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


@cache
def _part(name: str) -> str:
    return files("deployer.report").joinpath("pages", name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def policy(style: str, script: str) -> str:
    """Return the policy under which nothing is loaded, and nothing runs but this style and this script."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )


def _context(head: Mapping[str, Any], tenants: Iterable[Mapping[str, Any]], axis: Axis) -> dict[str, Any]:
    style, script = _part("look.css") + _part("report.css"), _part("report.js")
    whole, requests = sum(head["counts"].values()), head["requests"]
    causes = [{**cause, "more": cause["tenants"] - min(_NAMES, len(cause["names"]))} for cause in head["causes"]]
    grain = max(0.001, (axis.stops[-1][0] - axis.stops[0][0]) / _GRAINS)
    return {
        "head": head,
        "style": Markup(style),  # noqa: S704 - our own
        "script": Markup(script),  # noqa: S704 - our own
        "policy": policy(style, script),
        "whole": whole,
        "at_work": sum(end - begin for begin, end in head["spans"]),
        "all": charts.stacked(head["counts"], whole, _ORDER),
        "waves": [(wave, charts.stacked(wave["counts"], wave["tenants"], _ORDER)) for wave in head["waves"][:_WAVES]],
        "waves_more": max(0, len(head["waves"]) - _WAVES),
        "outcomes": [status for status in _ORDER if head["counts"][status]],
        "rates": charts.rates_chart(requests, axis) if requests else None,
        "calls": [(call, charts.latency_boxes(call["buckets"])) for call in (requests or {"calls": ()})["calls"]],
        "accounts": requests["accounts"][:_ACCOUNTS] if requests else [],
        "accounts_more": max(0, len(requests["accounts"]) - _ACCOUNTS) if requests else 0,
        "causes": causes[:_CAUSES],
        "names_shown": _NAMES,
        "causes_more": max(0, len(causes) - _CAUSES),
        "changes": head["changes"][:_FIELDS],
        "changes_more": max(0, len(head["changes"]) - _FIELDS),
        "waits": WAITS,
        "legend": _json(_legend(head, axis, grain)),
        "blocks": map(_json, _blocks(head, tenants, grain)),
    }


def _legend(head: Mapping[str, Any], axis: Axis, grain: float) -> dict[str, Any]:
    """Return what the numbers in the blocks of tenants mean."""
    return {
        "tenants": sum(head["counts"].values()),
        "outcomes": [[status, words(status), MARKS[status]] for status in _ORDER],
        "waves": [plain(wave["name"]) for wave in head["waves"]],
        "kinds": [[kind, plain(WAITS.get(kind, kind)), kind in WAITS] for kind in _KINDS],
        "grain": grain,
        "began": moment(head["started_at"]),
        "stops": [[second, round(place, 6)] for second, place in axis.stops],
        "ticks": [[round(tick.at / charts.WIDTH, 4), tick.label] for tick in charts.seconds_ticks(axis)],
        "last": None if head["ended_at"] else round((moment(head["read_at"]) - moment(head["started_at"])) / grain),
    }


def _blocks(head: Mapping[str, Any], tenants: Iterable[Mapping[str, Any]], grain: float) -> Iterator[dict[str, Any]]:
    rows, began = iter(tenants), moment(head["started_at"])
    while block := [*islice(rows, _BLOCK)]:
        yield _block(block, began, grain)


def _block(tenants: Iterable[Mapping[str, Any]], began: float, grain: float) -> dict[str, Any]:
    """Return tenants column by column; what many have in common, they share by its number."""
    shared: dict[str, int] = {}

    def number(text: str) -> int:
        return shared.setdefault(plain(text), len(shared))

    columns: dict[str, list[Any]] = {key: [] for key in ("tenant", "outcome", "account", "wave", "action", "flow")}
    columns |= {key: [] for key in ("begun", "took", "note", "remedy", "revision", "track")}
    for tenant in tenants:
        error, begun = tenant["error"] or {}, tenant["begun_at"]
        columns["tenant"].append(plain(tenant["tenant"]))
        columns["outcome"].append(_ORDER.index(tenant["outcome"]))
        columns["account"].append(number(tenant["account"]))
        columns["wave"].append(tenant["wave"] or 0)
        columns["action"].append(number(words(tenant["action"])))
        columns["flow"].append(plain(tenant["flow"] or ""))
        columns["begun"].append(-1 if begun is None else max(0, round((moment(begun) - began) / grain)))
        columns["took"].append(-1 if tenant["seconds"] is None else round(tenant["seconds"], 2))
        columns["note"].append(number(_note(error, tenant["outcome"])))
        columns["remedy"].append(number(error.get("remedy") or ""))
        columns["revision"].append(number((tenant["revision"] or "")[:REVISION_DIGITS]))
        columns["track"].append(_track(tenant["stretches"], grain))
    return {**columns, "shared": [*shared]}


def _note(error: Mapping[str, Any], outcome: str) -> str:
    """Return an error in a phrase; no code where that is the outcome."""
    code, message = str(error.get("code") or ""), str(error.get("message") or "")
    place = ", ".join(str(error[key]) for key in ("field", "status") if error.get(key) is not None)
    said = ": ".join(word for word in (code, message) if word and word != outcome)
    return f"{said} ({place})" if place else said


def _track(stretches: Iterable[tuple[str, float, float | None]], grain: float) -> str:
    """Return stretches as `begin,kind,length,kind,length…` in grains; what lasts has no length, and ends it."""
    found: list[str] = []
    for what, begin, end in stretches:
        if not found:
            found.append(str(max(0, round(begin / grain))))
        length = "" if end is None else str(max(0, round(end / grain) - round(begin / grain)))
        found += [str(_KINDS.index(what)), length]
    return ",".join(found)


def _json(value: object) -> Markup:
    """Return JSON that can stand in a script element: nothing in it ends that, or a line."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return Markup(text)  # noqa: S704 - see above
