"""How a command shows what it does, and which tenants it is about: options that many commands take together."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deployer.cli.completing import complete_label, complete_tenant
from deployer.cli.options import DESPITE, JSON, METRICS, QUIET, TIMEOUT, VERBOSE, scrape, seconds, together
from deployer.errors import UsageError

if TYPE_CHECKING:
    from deployer.report.files import Report
    from deployer.telemetry.asked import Scrape

# Where a rollout is carried out: here; by workers, who are only told; by workers if there are any, and watched.
HERE, AWAY, ANYWHERE = "here", "away", "anywhere"
Command = Callable[..., Any]

_SCOPE_WORDS = "deployer.scope"  # in a command's context: what was typed
_FORMS = click.Choice(["table", "wide", "json", "csv"])
_RULES = click.Choice(
    ["many-updates", "many-deletes", "shrunk-list", "new-template", "unknown-name", "empty-selection"]
)


def _label(help_: str) -> Callable[[Command], Command]:
    """Return the option that names tenants by a label."""
    return click.option(
        "--label", "labelled", multiple=True, metavar="KEY=VALUE", help=help_, shell_complete=complete_label
    )


def _tenant(name: str, into: str, help_: str) -> Callable[[Command], Command]:
    """Return an option that names tenants one by one."""
    return click.option(name, into, multiple=True, metavar="TENANT", help=help_, shell_complete=complete_tenant)


_SCOPE = together(
    _label("Only tenants with this label."),
    _tenant("--tenant", "tenants", "This tenant, too."),
    _tenant("--exclude", "excluded", "Not this tenant, whatever else is said."),
    click.option("--set", "overrides", multiple=True, metavar="NAME=VALUE", help="A value that wins over all others."),
    click.option(
        "--allow", multiple=True, type=_RULES, metavar="RULE", help=f"Let a guard pass: {', '.join(_RULES.choices)}."
    ),
)
_WHOSE = together(
    _tenant("--tenant", "tenants", "Of this tenant."),
    _label("Of tenants with this label."),
    click.option("--absent", is_flag=True, help="Of tenants that left the list."),
    click.option("--all", "everybody", is_flag=True, help="Of all tenants."),
    _tenant("--exclude", "excluded", "Not of this tenant, whatever else is said."),
    click.option("--allow", multiple=True, type=_RULES, metavar="RULE", help="Let a guard pass: many-deletes."),
)
_FORM = click.option("-o", "--output", "form", type=_FORMS, help="List the tenants.")


def _report(what: str) -> Callable[[Command], Command]:
    return click.option("--report", "reports", multiple=True, metavar="KIND=FILE", help=what)


_REPORT = _report("Write a report too: html, json, md, csv, or junit.")
_EVENTS = click.option("--events", metavar="FILE", help="Write events as JSON lines while it goes; - is stdout.")
_PLACE = together(
    click.option("--detach", is_flag=True, help="Leave it to the workers of a journal on Postgres, and end."),
    click.option("--local", is_flag=True, help="Do the work here, also where there are workers."),
)
_REQUESTS = click.option(
    "--print-requests", is_flag=True, help="Show each request as a curl command, secrets left out."
)


@dataclass(frozen=True, slots=True)
class Manner:
    """How a command shows what it does: `form` is of a list, `timeout` in seconds.

    `despite` is why it begins something in a freeze; `at` is where it is carried out.
    """

    manifest: Path
    form: str | None = None
    quiet: bool = False
    verbose: int = 0
    timeout: float | None = None
    reports: "tuple[Report, ...]" = ()
    events: str | None = None
    print_requests: bool = False
    metrics: "Scrape | None" = None
    despite: str | None = None
    at: str = HERE

    @property
    def as_json(self) -> bool:
        """Tell whether standard output is for a program."""
        return self.form == "json"

    @property
    def scope(self) -> str:
        """Return the options that select tenants and set values, as a command to type repeats them."""
        return str(click.get_current_context().meta.get(_SCOPE_WORDS, ""))

    @property
    def to_stderr(self) -> bool:
        """Tell whether standard output belongs to the events."""
        return self.events == "-"


def scoped(command: Command) -> Command:
    """Add the options that select tenants and set values; the command takes them as one `scope`."""

    @wraps(command)
    def with_scope(**words: Any) -> Any:  # noqa: ANN401 - whatever the command takes and gives
        from deployer.api.loading import scope_of

        names = ("labelled", "tenants", "excluded", "overrides", "allow")
        click.get_current_context().meta[_SCOPE_WORDS] = _typed(words)
        return command(scope=scope_of(**{name: words.pop(name) for name in names}), **words)

    return _SCOPE(with_scope)


def meaning(command: Command) -> Command:
    """Add the options that say whose flows are parted with; the command takes them as `whose`, and `allow`."""

    @wraps(command)
    def with_whose(*, absent: bool, everybody: bool, allow: tuple[str, ...], **words: Any) -> Any:  # noqa: ANN401 - as above
        from deployer.api.parting import whose

        said = {name: words.pop(name) for name in ("tenants", "labelled", "excluded")}
        return command(whose=whose(**said, absent=absent, everybody=everybody), allow=frozenset(allow), **words)

    return _WHOSE(with_whose)


def _typed(words: Mapping[str, Any]) -> str:
    """Return the options of a scope as they are typed again; rules that are allowed are said anew each time."""
    options = {"--label": "labelled", "--tenant": "tenants", "--exclude": "excluded", "--set": "overrides"}
    given = ((option, value) for option, name in options.items() for value in words[name])
    return "".join(f" {option} {shlex.quote(value)}" for option, value in given)


def freezing(command: Command) -> Command:
    """Add the option that lets something begin in a freeze; the command takes it with its `manner`."""

    @wraps(command)
    def with_reason(*, manner: Manner, despite: str | None, **words: Any) -> Any:  # noqa: ANN401 - as above
        return command(manner=replace(manner, despite=despite), **words)

    return DESPITE(with_reason)


def spreading(command: Command) -> Command:
    """Add the options that say where a rollout is carried out; the command takes them with its `manner`."""

    @wraps(command)
    def with_place(*, manner: Manner, detach: bool, local: bool, **words: Any) -> Any:  # noqa: ANN401 - as above
        if detach and local:
            raise UsageError("--detach and --local contradict each other", remedy="say one of them")
        return command(manner=replace(manner, at=AWAY if detach else HERE if local else ANYWHERE), **words)

    return _PLACE(with_place)


def listing(command: Command) -> Command:
    """Add the options of what is shown once; the command takes them, and the manifest, as one `manner`."""

    @wraps(command)
    def with_manner(*, manifest: Path, form: str | None, as_json: bool, **words: Any) -> Any:  # noqa: ANN401 - as above
        return command(manner=Manner(manifest, _form(form, as_json=as_json)), **words)

    return together(JSON, _FORM)(with_manner)


def reporting(*kinds: str) -> Callable[[Command], Command]:
    """Add the option that writes reports of what is shown once; the command takes them with its `manner`.

    `kinds` are those it writes: what was not tried has neither passed nor failed, and so is in no junit report.
    """

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_reports(*, manner: Manner, reports: tuple[str, ...], **words: Any) -> Any:  # noqa: ANN401 - as above
            asked = _reports(reports)
            if other := next((each.kind for each in asked if each.kind not in kinds), None):
                raise UsageError(f"--report {other} is of a rollout", remedy=f"here there is --report {kinds[0]}=FILE")
            return command(manner=replace(manner, reports=asked), **words)

        kind = " or ".join(f"{each}=FILE" for each in kinds)
        return _report(f"Write a report too: {kind}.")(with_reports)

    return decorate


def carrying(command: Command) -> Command:
    """Add the options of what is shown while a rollout goes, and after; the command takes them as one `manner`."""

    @wraps(command)
    def with_manner(  # noqa: PLR0913 - one argument per option
        *,
        manifest: Path,
        form: str | None,
        as_json: bool,
        reports: tuple[str, ...],
        quiet: bool,
        verbose: int,
        timeout: str | None,
        events: str | None,
        print_requests: bool,
        metrics: str | None,
        **words: Any,  # noqa: ANN401 - whatever the command takes
    ) -> Any:  # noqa: ANN401 - as above
        manner = Manner(
            manifest,
            _form(form, as_json=as_json),
            quiet,
            verbose,
            seconds(timeout),
            _reports(reports),
            _events(events),
            print_requests,
            scrape(metrics),
        )
        return command(manner=manner, **words)

    return together(JSON, _FORM, QUIET, VERBOSE, TIMEOUT, _REPORT, _EVENTS, _REQUESTS, METRICS)(with_manner)


def _form(form: str | None, *, as_json: bool) -> str | None:
    if as_json and form not in {None, "json"}:
        raise UsageError(f"--json and -o {form} contradict each other", remedy="say one of them")
    return "json" if as_json else form


def _events(name: str | None) -> str | None:
    """Return where events go; raise UsageError where they cannot, before a rollout is begun for them."""
    if name not in {None, "-"}:
        from deployer.report.files import demand_writable

        demand_writable(Path(name or ""), "the file of events")
    return name


def _reports(texts: tuple[str, ...]) -> "tuple[Report, ...]":
    if not texts:
        return ()
    from deployer.report.files import parse_report

    return tuple(map(parse_report, texts))
