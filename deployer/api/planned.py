"""A manifest as a rollout was planned with it, read from the journal: what a worker has that never saw the file."""

from collections.abc import Collection
from pathlib import Path

from deployer.api.loading import Loaded
from deployer.engine.premises import planned_settings
from deployer.engine.tenants import Tenants
from deployer.journal.home import Home


async def planned_manifest(home: Home, rollout: str, folder: str, accounts: Collection[str] | None = None) -> Loaded:
    """Return what a rollout was planned with, with all accounts or some; `folder` is where files lie that it names."""
    async with home.open(read_only=True) as book:
        plan = await book.plan(rollout)
    manifest = planned_settings(plan)
    if accounts is not None:
        manifest = manifest.model_copy(
            update={"accounts": {name: one for name, one in manifest.accounts.items() if name in accounts}}
        )
    path = Path(folder) / "rollout.yaml"
    return Loaded(path, manifest, plan.manifest_digest, Tenants(), plan.tenants_digest, None, {})
