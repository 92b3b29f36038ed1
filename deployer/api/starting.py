"""A first manifest and its tenants, made from what an account holds; only reads are sent."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from secrets import token_hex

from pydantic import ValidationError

from deployer.api.places import state_directory
from deployer.api.workplace import Office
from deployer.domain.documents import Document
from deployer.domain.manifest import Account, Safety
from deployer.domain.manifest_rules import complaints
from deployer.domain.scalars import account_name
from deployer.domain.starting import (
    EVERYBODY,
    NOBODY,
    OPEN,
    Holdings,
    Start,
    choose_integrations,
    demand_choice,
    find_by_id,
    find_by_name,
    name_of,
    start,
)
from deployer.engine.accounts import Accounts, OpenAccount, Opening, open_accounts
from deployer.engine.holdings import read_chosen, read_holdings
from deployer.engine.vault import Vault
from deployer.errors import UsageError

__all__ = [
    "EVERYBODY",
    "NOBODY",
    "OPEN",
    "Begun",
    "Document",
    "Holdings",
    "Start",
    "begin",
    "choose_integrations",
    "demand_absent",
    "demand_choice",
    "entry",
    "find_by_id",
    "find_by_name",
    "look",
    "name_of",
    "write",
]


@dataclass(frozen=True, slots=True)
class Begun:
    """Where a rollout begins: the directory of its manifest, and the account's name and entry in it."""

    directory: Path
    name: str
    account: Account


def entry(directory: Path, name: str, *, token: str, region: str | None, url: str | None) -> Begun:
    """Return what is begun; raise UsageError for a name, a token's reference or an address that is none."""
    try:
        account_name(name)
    except ValueError as error:
        raise UsageError(f'--account "{name}": {error}') from None
    given = {"token": token, "region": region, "url": url}
    try:
        return Begun(directory, name, Account.model_validate({key: text for key, text in given.items() if text}))
    except ValidationError as error:
        wrong = next(complaints(error, {(): Account.model_fields}))
        raise UsageError(f"--{wrong.steps[0]}: {wrong.what}") from None


def demand_absent(*files: Path) -> None:
    """Raise UsageError where a file is there, whatever it holds."""
    for file in files:
        if file.exists() or file.is_symlink():
            remedy = "take another directory, or replace it: --force"
            raise UsageError("is there already", where=str(file), remedy=remedy)


async def look(begun: Begun, office: Office) -> Holdings:
    """Return what the account holds; raise AccountError where that cannot be read."""
    async with _opened(begun, office) as account:
        return await read_holdings(account)


async def begin(begun: Begun, holdings: Holdings, flow: Document, chosen: Mapping[str, str], office: Office) -> Start:
    """Return what a rollout of the flow to the chosen integrations begins with."""
    async with _opened(begun, office) as account:
        template = await read_chosen(account, str(flow["_id"]))
    return start(holdings, template, chosen)


def write(texts: Mapping[Path, str]) -> None:
    """Write the files, each whole or not at all, and none before all of them could be written."""
    drafts = {file: file.with_name(f".{file.name}.{token_hex(4)}.part") for file in texts}
    try:
        for file, text in texts.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            drafts[file].write_text(text, "utf-8", newline="")
        for file, draft in drafts.items():
            draft.replace(file)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(error.filename)) from None
    finally:
        for draft in drafts.values():
            with suppress(OSError):
                draft.unlink()


@asynccontextmanager
async def _opened(begun: Begun, office: Office) -> AsyncIterator[OpenAccount]:
    opening = Opening(
        office.env,
        begun.directory,
        Safety(),
        Random(),
        lambda token: office.redactor.hide(token.reveal()),
        None,
        state_directory(office.env) / "rates",
        Vault(None, office.env, begun.directory),
    )
    async with open_accounts({begun.name: begun.account}, opening) as (opened, refused):
        Accounts(opened, refused).demand_one()
        yield opened[begun.name]
