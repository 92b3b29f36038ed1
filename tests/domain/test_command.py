"""Commands that are printed can be typed as they are."""

import shlex
from pathlib import Path

import pytest

from deployer.domain.command import typed


@pytest.mark.parametrize("name", ["rollout.yaml", "my rollout.yaml", "it's.yaml", "$HOME;ls", "Müller & Söhne"])
def test_a_shell_reads_the_name_as_one_word(name: str) -> None:
    assert shlex.split(typed("apply", Path(name), "--yes")) == ["deployer", "apply", name, "--yes"]


def test_a_plain_name_stays_as_it_is() -> None:
    assert typed("resume", "rollouts/acme.yaml") == "deployer resume rollouts/acme.yaml"
