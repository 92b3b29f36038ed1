"""A deployer dies with a clone on its way, and another comes from a journal of its own."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from tests.crash.harness import judge
from tests.crash.harness.applied import Command, Strike
from tests.crash.harness.journals import Files
from tests.crash.harness.play import prepare
from tests.crash.harness.scenarios import ROWS, SCENARIOS
from tests.crash.harness.simulated import simulator

LATE = 0.9  # seconds: within the timeout of a clone and what the server may take to apply it


def main() -> int:
    """Print, by tenant, the flows it has once both have ended."""
    with tempfile.TemporaryDirectory() as place:
        start = prepare(SCENARIOS["two"], Path(place), Files())
        homes = {name: Path(place) / "case" / name for name in ("dead", "rival")}
        for home in homes.values():
            shutil.copytree(start.place, home)
        with simulator(start.state, start.scenario.knobs) as door:
            door.install({"action": "late", "route": "flows.clone", "nth": 1, "seconds": LATE})
            Command(homes["dead"], door, 1, Strike(unanswered=True)).start().end()
            door.install()
            Command(homes["rival"], door, 1).start().end()
            Command(homes["dead"], door, 2).start().end()
            state = door.state()
            sys.stdout.write(json.dumps({row["tenant"]: len(judge.flows_of(state, row)) for row in ROWS}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
