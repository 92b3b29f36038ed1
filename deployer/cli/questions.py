"""Ask a person at a terminal what no option of init says: account, template, tenants."""

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

import click

from deployer.api.starting import (
    EVERYBODY,
    Document,
    Holdings,
    choose_integrations,
    demand_choice,
    find_by_id,
    find_by_name,
    name_of,
)
from deployer.cli.asking import may_ask
from deployer.errors import UsageError
from deployer.report.problems import error_lines
from deployer.report.text import cut, plain, some

_TOKEN: Final = "env:INTEGRATOR_TOKEN"  # noqa: S105 - where one is
_REGIONS: Final = ("us", "eu", "au", "ca")
_SHOWN: Final = 20  # flows that are listed to choose from
_WIDEST: Final = 60
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wish:
    """What was said by options and answers."""

    account: str
    region: str | None = None
    url: str | None = None
    token: str | None = None
    template: str | None = None
    template_name: str | None = None
    tenants: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """Return where the token is."""
        return self.token or _TOKEN

    def words(self, directory: Path, *, force: bool) -> str:
        """Return the command that asks nothing."""
        named = {"--account": self.account, "--region": self.region, "--url": self.url, "--token": self.token}
        named |= {"--template": self.template, "--template-name": self.template_name}
        given = [(option, text) for option, text in named.items() if text]
        given += [("--tenants", pattern) for pattern in self.tenants]
        words = [*(word for pair in given for word in pair), *(["--force"] if force else []), "--no-input"]
        return plain(shlex.join(["deployer", "init", str(directory), *words]))


def may_question(*, no_input: bool) -> bool:
    """Tell whether somebody is there to be asked."""
    return may_ask(no_input=no_input) and sys.stdin.isatty()


def ask_account(wish: Wish) -> Wish:
    """Ask where the account lies, and where its token is."""
    if not (wish.region or wish.url):
        said = _asked(f"Region of the account ({', '.join(_REGIONS)}), or the URL of its API", _REGIONS[0])
        wish = replace(wish, region=said) if said in _REGIONS else replace(wish, url=said)
    if not wish.token:
        wish = replace(wish, token=_asked("Where is its token (env:NAME, file:PATH, command:WORDS)", _TOKEN))
    return wish


def choose(wish: Wish, holdings: Holdings, *, ask: bool) -> tuple[Wish, Document, Mapping[str, str]]:
    """Return the template and the integrations that are meant, and what was said to that end."""
    if wish.template:
        flow = find_by_id(holdings.flows, wish.template)
    elif wish.template_name:
        flow = find_by_name(holdings, wish.template_name)
    elif ask and holdings.candidates:
        flow = _ask_template(holdings)
        wish = replace(wish, template=str(flow["_id"]))
    else:
        raise demand_choice(holdings)
    if wish.tenants or not ask:
        return wish, flow, choose_integrations(holdings, flow, wish.tenants or (EVERYBODY,))
    patterns, chosen = _ask_tenants(holdings, flow)
    return replace(wish, tenants=patterns), flow, chosen


def _ask_template(holdings: Holdings) -> Document:
    """Let a person choose a flow by number, id or name; part of a name lists the flows that have it."""
    shown = holdings.candidates

    def found(said: str) -> Document | None:
        nonlocal shown
        if said.isdecimal() and 1 <= int(said[:9]) <= min(len(shown), _SHOWN):
            return shown[int(said[:9]) - 1]
        known = {str(flow["_id"]): flow for flow in holdings.flows}
        if said in known:
            return known[said]
        fitting = [flow for flow in holdings.candidates if said.casefold() in name_of(flow).casefold()]
        if len(fitting) <= 1:
            return fitting[0] if fitting else find_by_name(holdings, said)
        shown = fitting
        _list(shown)
        return None

    _list(shown)
    return _until(lambda: found(_asked("Which flow is the template (its number, id, or part of its name)")))


def _list(flows: Sequence[Document]) -> None:
    for number, flow in enumerate(flows[:_SHOWN], start=1):
        click.echo(f"{number:4}  {cut(plain(name_of(flow)), _WIDEST)}  {plain(flow['_id'])}", err=True)
    if len(flows) > _SHOWN:
        click.echo(f"      … and {len(flows) - _SHOWN} more: type part of a name", err=True)


def _ask_tenants(holdings: Holdings, flow: Document) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Let a person say which integrations are tenants."""
    others = choose_integrations(holdings, flow, (EVERYBODY,))
    click.echo(f"{len(others)} integrations: {some(list(others.values()), 5)}", err=True)

    def found(said: str) -> tuple[tuple[str, ...], Mapping[str, str]]:
        return (said,), choose_integrations(holdings, flow, (said,))

    return _until(lambda: found(_asked("Which are tenants (all, none, or a name such as 'Acme *')", EVERYBODY)))


def _until(answer: Callable[[], T | None]) -> T:
    """Ask until there is an answer; what is wrong with one is said."""
    while True:
        try:
            found = answer()
        except UsageError as error:
            click.echo("\n".join(error_lines(error)), err=True)
        else:
            if found is not None:
                return found


def _asked(question: str, default: str | None = None) -> str:
    return str(click.prompt(question, default=default, err=True)).strip()
