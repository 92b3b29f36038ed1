"""Pages out of templates, in which everything is escaped, and nothing that came from outside steers, hides or turns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from deployer.domain.deployment import Status
from deployer.report.marks import MARKS
from deployer.report.text import duration, plain, value_text, words

_ORDER: Final = (Status.DONE, Status.NO_CHANGE, Status.RUNNING, Status.FAILED, Status.UNKNOWN, *Status)
_LEAST: Final = 0.8  # percent of a bar: one of a hundred thousand that failed is still seen


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its template, and the regions of it that are told anew where they change.

    `headline` is what is said aloud when it changes.
    """

    name: str
    title: str
    regions: Mapping[str, Markup]
    headline: str = ""
    place: str = ""  # in the navigation
    search: Mapping[str, str] | None = None  # what the search of a list of tenants says now

    @property
    def digest(self) -> str:
        """Return what tells one state of the page from another."""
        return sha256("\0".join([self.headline, *self.regions.values()]).encode(errors="replace")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar, in percent."""

    status: str
    begin: float
    width: float


def segments(counts: Mapping[str, int]) -> Iterator[Segment]:
    """Yield the parts of a bar, those few that one would not see a little wider than they are."""
    total = sum(counts.values())
    shown = {status.value: counts[status.value] for status in _ORDER if counts[status.value]}
    widths = {status: max(_LEAST, 100 * count / total) for status, count in shown.items()}
    begin, scale = 0.0, 100 / sum(widths.values()) if widths else 0.0
    for status, width in widths.items():
        yield Segment(status, round(begin, 3), round(width * scale, 3))
        begin += width * scale


def told(counts: Mapping[Any, int]) -> list[tuple[str, int]]:
    """Return the counts that are not zero, the good ones first."""
    return [(status.value, counts[status.value]) for status in dict.fromkeys(_ORDER) if counts[status.value]]


def region(name: str, /, **facts: object) -> Markup:
    """Render a region of a page."""
    return Markup(_TEMPLATES.get_template(f"{name}.html").render(facts))  # noqa: S704 - what it holds was escaped


def document(page: Page, **facts: object) -> str:
    """Render a page whole."""
    return _TEMPLATES.get_template(f"{page.name}.html").render(page=page, **facts)


def refusal(what: str, remedy: str = "", *, again: bool = False) -> str:
    """Render a page that is none; with `again` it is asked for again."""
    return _TEMPLATES.get_template("refused.html").render(title=what, remedy=remedy, again=again)


def _shown(value: Any) -> Any:  # noqa: ANN401 - whatever a template prints
    """Let text only be read: what is no markup of ours goes through `plain`."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _moment(text: str | None) -> Markup:
    """Return a time to the second, as programs and people read it."""
    if not text:
        return Markup()
    second = plain(text)[:19].replace("T", " ")
    return Markup('<time datetime="{}">{}Z</time>').format(f"{second}Z".replace(" ", "T"), second)


def _took(begun: str, ended: str | None) -> str:
    """Return how long something took; nothing while it goes on."""
    if not ended:
        return ""
    return duration(max(0.0, (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()))


_TEMPLATES: Final = Environment(
    loader=PackageLoader("deployer.web"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_shown,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(
    {
        "moment": _moment,
        "words": words,
        "many": lambda count: f"{count:,}",
        "segments": segments,
        "told": told,
        "duration": duration,
        "value": value_text,
        "short": lambda seconds: f"{1000 * seconds:.0f} ms" if seconds < 1 else duration(seconds),
    }
)
_TEMPLATES.globals.update({"marks": MARKS, "took": _took})
