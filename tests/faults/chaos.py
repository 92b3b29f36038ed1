"""What befalls the workers, their database and their API."""

from collections import Counter
from dataclasses import dataclass
from random import Random

import psycopg

from deployer.simulator import Rule
from tests import postgres
from tests.faults.crew import Crew
from tests.faults.proxy import Proxy
from tests.faults.world import WatchedSimulator

WEIGHTS = {"cut": 40, "commit": 25, "http": 20, "stop": 8, "kill": 6, "crash": 1, "redirect": 1}
RULES = (
    Rule(action="lose", route="flows.*", times=1),
    Rule(action="lose", route="flows.*", times=1, applied=True),
    Rule(action="late", route="flows.*", times=1, seconds=0.3),
    Rule(action="reset", route="flows.*", times=1, applied=True),
    Rule(action="refuse", route="flows.*", times=1, status=500, applied=True),
    Rule(action="html", route="flows.*", times=1, status=502),
)
LONGEST_STOP = 45.0


@dataclass(slots=True)
class Chaos:
    """What befalls, and how often it did."""

    crew: Crew
    server: postgres.Server
    proxy: Proxy
    simulator: WatchedSimulator
    chance: Random
    befell: Counter[str]
    elsewhere: str
    only: str = ""

    def strike(self) -> None:
        kind = self.only or self.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        self.befell[kind] += 1
        match kind:
            case "cut":
                self._cut()
            case "commit":
                self.proxy.swallow += 1
            case "http":
                self.simulator.faults.install([self.chance.choice([*RULES, self._link])])
            case "redirect":
                self.simulator.faults.install([self._redirect])
            case "stop":
                self.crew.stop(self.chance.uniform(0.5, LONGEST_STOP))
            case "kill":
                self.crew.kill()
            case _:
                self.server.crash()
                self.server.restart()

    @property
    def _link(self) -> Rule:
        """Return what lets a list go on at another host."""
        link = {"Link": f'<{self.elsewhere}/v1/flows>; rel="next"'}
        return Rule(action="garble", route="integrations.flows", times=1, text="[]", headers=link)

    @property
    def _redirect(self) -> Rule:
        """Return what sends a call to another host: whatever comes of it, the account stops and a person goes on."""
        where = {"Location": f"{self.elsewhere}/v1/flows"}
        return Rule(action="refuse", route="flows.*", times=1, status=307, code="moved", headers=where)

    def _cut(self) -> None:
        """End one connection to the database, of whoever has it."""
        try:
            with psycopg.connect(self.crew.address, autocommit=True) as connection:
                found = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
                pids = sorted(pid for (pid,) in found)
                connection.execute("SELECT pg_terminate_backend(%s)", (self.chance.choice(pids),))
        except psycopg.Error:
            pass  # it was our own, or the server is only coming up
