"""Draw, and draw again once told that the terminal was resized."""

import sys

from deployer.domain.deployment import count
from deployer.report.progress import LiveProgress
from deployer.report.tally import Budget
from deployer.telemetry.events import Event

live = LiveProgress(count([]), lambda: Budget(0, 0, 0, 0.0, 296.0), sys.stderr)
live.see(Event("account.halted", "", {"account": "main", "cause": "y" * 200}))
with live:
    for _ in range(2):
        live.refresh()
        sys.stdout.write("<drawn>")
        sys.stdout.flush()
        sys.stdin.readline()
sys.stdout.write("<gone>")
sys.stdout.flush()
