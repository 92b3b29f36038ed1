"""A manifest as a rollout was planned with it, read from the journal: what a worker has that never saw the file."""

from collections.abc import Collection
from pathlib import Path

from deployer.api.loading import Loaded
from deployer.domain.manifest import Manifest
from deployer.engine.tenants import Tenants
from deployer.errors import JournalError
from deployer.journal.home import Home
from deployer.journal.protocol import Rollout


async def planned_manifest(
    home: Home, rollout: str, folder: str, accounts: Collection[str] | None = None
) -> tuple[Loaded, Rollout]:
    """Return what a rollout was planned with, with all accounts or some; `folder` is where files lie that it names."""
    async with home.open(read_only=True) as book:
        found = [each for each in await book.rollouts(begins=rollout, limit=1) if each.id == rollout]
        if not found:
            raise JournalError(f"there is no rollout {rollout} in {home}")
        plan = await book.plan(rollout)
    manifest = Manifest.model_validate({**plan.settings, "tenants": []})
    if accounts is not None:
        manifest = manifest.model_copy(
            update={"accounts": {name: one for name, one in manifest.accounts.items() if name in accounts}}
        )
    path = Path(folder) / "rollout.yaml"
    return Loaded(path, manifest, found[0].manifest_digest, Tenants(), found[0].tenants_digest, None, {}), found[0]
