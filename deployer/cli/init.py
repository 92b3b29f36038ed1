"""`deployer init`: the first manifest, from what an account holds."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import click

from deployer.cli.options import NO_INPUT, command, together
from deployer.errors import UsageError

if TYPE_CHECKING:
    from deployer.cli.questions import Wish

_MANIFEST, _TENANTS = "rollout.yaml", "tenants.csv"
_ACCOUNT = together(
    click.option("--account", default="main", show_default=True, metavar="NAME", help="What to call the account."),
    click.option("--region", type=click.Choice(["us", "eu", "au", "ca"]), help="Where the account lies."),
    click.option("--url", metavar="URL", help="The address of its API, instead of a region."),
    click.option("--token", metavar="REFERENCE", help="Where its token is: env:NAME, file:PATH or command:WORDS."),
)
_CONTENT = together(
    click.option("--template", metavar="ID", help="The flow that is rolled out."),
    click.option("--template-name", metavar="NAME", help="That flow by its name."),
    click.option(
        "--tenants",
        multiple=True,
        metavar="WHICH",
        help="Which integrations are tenants: all, none, or a name such as 'Acme *'.",
    ),
)


@command(
    "deployer init",
    "deployer init orders --region eu --token env:ACME_TOKEN",
    'deployer init orders --template-name "Order sync" --tenants "Acme *"',
)
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), default=Path())
@together(_ACCOUNT, _CONTENT)
@click.option("--force", is_flag=True, help="Replace the files that are there.")
@NO_INPUT
def init(*, directory: Path, force: bool, no_input: bool, **said: Any) -> None:  # noqa: ANN401 - an option each
    """Write a first manifest and its tenants into DIRECTORY, from what an account holds. Only reads are sent.

    What no option says is asked at a terminal; elsewhere the region is us, the token env:INTEGRATOR_TOKEN, and all
    integrations are tenants but the template's own. rollout.yaml has a comment at each key; tenants.csv has a row for
    each tenant, with the connections that are called as the template's are. A cell that holds ? is to be filled in.
    """
    from deployer.api.starting import begin, demand_absent, entry, look, write
    from deployer.api.workplace import Office
    from deployer.cli.questions import Wish, ask_account, choose, may_question
    from deployer.report.starter import manifest_text, started_text, tenants_text

    files = {"manifest": directory / _MANIFEST, "tenants": directory / _TENANTS}
    if not force:
        demand_absent(*files.values())
    office, wish, ask = Office(), _checked(Wish(**said)), may_question(no_input=no_input)
    wish = ask_account(wish) if ask else wish
    begun = entry(directory, wish.account, token=wish.reference, region=wish.region, url=wish.url)
    holdings = anyio.run(look, begun, office)
    answered, flow, chosen = choose(wish, holdings, ask=ask)
    start = anyio.run(begin, begun, holdings, flow, chosen, office)
    manifest = manifest_text(start, account=begun.name, entry=begun.account, tenants=_TENANTS)
    write({files["manifest"]: manifest, files["tenants"]: tenants_text(start, account=begun.name)})
    typed = {name: shlex.quote(str(file)) for name, file in files.items()}
    click.echo(office.redactor.clean(started_text(start, account=begun.name, entry=begun.account, files=typed)))
    if answered != Wish(**said):
        click.echo(f"without the questions: {answered.words(directory, force=force)}", err=True)


def _checked(wish: "Wish") -> "Wish":
    """Return what was said; raise UsageError where two options contradict each other."""
    for one, other in (("region", "url"), ("template", "template_name")):
        if getattr(wish, one) and getattr(wish, other):
            what = f"--{one} and --{other.replace('_', '-')} contradict each other"
            raise UsageError(what, remedy="say one of them")
    return wish
