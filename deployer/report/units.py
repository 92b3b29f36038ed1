"""Units for the schedulers there are, which ask `deployer schedule run --due` at every time that may be one.

They need not be exact: what is due is decided in the zone of each schedule, and recorded, so that a time that is none
costs a start, and two that ask fire it once.
"""

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

_AFTER: Final = "${{ %s }}"
_OPENING: Final = "${{", "${{ '${{' }}"  # what GitHub takes for the beginning of an expression, and as itself
_BARE: Final = re.compile(r"[\w@+=:,./-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Called:
    """What a unit calls: the program, the manifest, and where that is started from."""

    rollout: str
    program: Sequence[str]
    manifest: str
    folder: str

    @property
    def words(self) -> list[str]:
        """Return the command, word by word."""
        return [*self.program, "schedule", "run", self.manifest, "--due"]

    @property
    def typed(self) -> str:
        """Return the command as a shell takes it."""
        return shlex.join(self.words)


def asked_at(times: Iterable[datetime]) -> tuple[Sequence[int], Sequence[int]]:
    """Return the minutes and the hours of times on a clock: to ask at each of them is to ask at every time."""
    found = list(times)
    return sorted({each.minute for each in found}), sorted({each.hour for each in found})


def crontab(called: Called, times: Sequence[datetime]) -> str:
    """Return a line for a crontab of this machine, in whose time cron counts."""
    minutes, hours = asked_at(each.astimezone() for each in times)
    command = f"cd {shlex.quote(called.folder)} && {called.typed}".replace("%", r"\%")  # a bare one ends cron's line
    return (
        f"# {called.rollout}: asks what is due, at the times of this machine that may be one; crontab -e\n"
        f"{_numbers(minutes)} {_numbers(hours)} * * * {command}\n"
    )


def service(called: Called) -> str:
    """Return the unit of systemd's that asks what is due."""
    return f"""\
[Unit]
Description=deployer: schedules of {called.rollout}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
# Mode 0600: DEPLOYER_JOURNAL, if it is not beside the manifest, and the tokens that the manifest names
EnvironmentFile=-/etc/deployer/environment
WorkingDirectory={called.folder.replace("%", "%%")}
ExecStart={" ".join(map(_unit_word, called.words))}
NoNewPrivileges=yes
PrivateTmp=yes
"""


def timer(called: Called, times: Sequence[datetime]) -> str:
    """Return the unit of systemd's that starts it; a time at which the machine was off is made up for."""
    minutes, hours = asked_at(each.astimezone(UTC) for each in times)
    two = ",".join(f"{hour:02}" for hour in hours), ",".join(f"{minute:02}" for minute in minutes)
    return f"""\
[Unit]
Description=deployer: when to ask what is due of {called.rollout}

[Timer]
OnCalendar=*-*-* {two[0]}:{two[1]}:00 UTC
AccuracySec=1s
Persistent=true

[Install]
WantedBy=timers.target
"""


def workflow(called: Called, times: Sequence[datetime], tokens: Sequence[str]) -> str:
    """Return a workflow of GitHub's, whose clock is UTC and often late; the journal has to be on Postgres."""
    minutes, hours = asked_at(each.astimezone(UTC) for each in times)
    names = ["DEPLOYER_JOURNAL", "PGPASSWORD", *tokens]
    secrets = "\n".join(f"      {name}: {_AFTER % f'secrets.{name}'}" for name in names)
    return f"""\
name: deployer schedules of {called.rollout}
on:
  schedule:
    - cron: "{_numbers(minutes)} {_numbers(hours)} * * *"
  workflow_dispatch: {{}}
permissions:
  contents: read
concurrency:
  group: deployer-{called.rollout}
jobs:
  due:
    runs-on: ubuntu-latest
    env:
{secrets}
    steps:
      - uses: actions/checkout@v4
      - run: pipx install 'deployer[postgres]'
      - run: |
          {called.typed.replace(*_OPENING)}
"""


def _unit_word(word: str) -> str:
    """Return a word of a command as systemd takes it: unlike in a shell, quotes stand around a whole word."""
    escaped = word.replace("\\", r"\\").replace('"', r"\"").replace("%", "%%").replace("$", "$$")
    return word if _BARE.fullmatch(word) else f'"{escaped}"'


def _numbers(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers)) or "0"
