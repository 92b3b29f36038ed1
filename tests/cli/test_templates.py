"""The rollouts that are shipped do on the simulator what they say."""

import shutil
from pathlib import Path

import pytest

from deployer.simulator import token_of
from tests.engine.stage import EU, US, Stage

TEMPLATES = Path(__file__).parents[2] / "templates"
ROLLOUTS = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.glob("*/rollout.yaml"))


@pytest.mark.parametrize("rollout", ROLLOUTS)
def test_a_shipped_rollout_deploys_forty_tenants_and_changes_nothing_the_second_time(
    stage: Stage, rollout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for account, place in ((US, "US"), (EU, "EU")):
        monkeypatch.setenv(f"INTEGRATOR_{place}", stage.url)
        monkeypatch.setenv(f"ACME_{place}_TOKEN", token_of(account))
    copy = shutil.copytree(TEMPLATES / Path(rollout).parent, stage.directory / "copy")
    manifest = str(copy / Path(rollout).name)

    first = stage.run("apply", manifest, "--yes", "--json")
    stage.forget_requests()
    second = stage.run("apply", manifest, "--yes", "--json")

    assert first.code == 0, first.err
    assert first.document["counts"]["done"] == 40
    assert second.document["counts"]["no_change"] == 40
    assert stage.writes == []
