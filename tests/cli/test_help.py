import pytest

from tests.cli.commands import typed


@pytest.mark.parametrize(("columns", "widest"), [("60", 58), ("200", 78), ("nonsense", 78), ("", 78), ("10", 50)])
def test_help_is_as_wide_as_the_terminal_and_no_wider_than_people_read(
    columns: str, widest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    said, examples = typed("plan", "--help").stdout.split("Examples:\n")  # whole, since they are to be copied
    lines = said.splitlines()
    assert widest - 8 < max(map(len, lines)) <= widest
    assert "  deployer plan rollout.yaml\n" in examples
