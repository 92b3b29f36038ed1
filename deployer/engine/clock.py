"""The clocks: one that goes on while a laptop sleeps, for deadlines, and the wall's, for people."""

import os
import subprocess
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final, Protocol

from deployer.domain.deployment import Moment
from deployer.domain.local_time import utc_text

# Linux's monotonic clock stops in sleep and its boot clock does not; macOS counts sleep in its monotonic one.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_LINUX_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """What the engine knows of time."""

    def moment(self) -> Moment:
        """Return the point on the boot clock that intents are stamped with."""

    def utc(self) -> str:
        """Return the wall's time, ISO-8601 with milliseconds."""


class SystemClock:
    """The machine's clocks."""

    def __init__(self) -> None:
        self._written = (0, "")

    def moment(self) -> Moment:
        """Return the point on the boot clock that intents are stamped with."""
        return Moment(_boot(), time.clock_gettime(_CLOCK))

    def utc(self) -> str:
        """Return the wall's time, ISO-8601 with milliseconds: written once for all who ask within one."""
        now = time.time_ns() // 1_000_000
        if now != self._written[0]:
            self._written = (now, utc_text(datetime.fromtimestamp(now / 1000, UTC)))
        return self._written[1]


@cache
def _boot() -> str:
    """Return what tells this boot of this host from any other."""
    if _LINUX_BOOT.exists():
        return _LINUX_BOOT.read_text(encoding="ascii").strip()
    session = subprocess.run(
        ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, check=False, encoding="ascii"
    )
    return session.stdout.strip() or f"{os.uname().nodename}-unknown-boot-{os.getpid()}"
