"""A random user plans, applies, pauses, edits by hand, excludes, aborts and rolls back, while a model looks on."""

import shutil
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from deployer.simulator import Customer, Rule
from tests.engine.stage import US, Ended, Stage, staged

TENANTS = [f"tenant-{number}" for number in range(5)]
ENDS = {0, 1, 3, 5, 6}  # of commands that may find work, trouble, or that somebody has to decide


WAVES = st.sampled_from(
    [None, {"sizes": [1, 2]}, {"mode": "strict", "sizes": [2], "tolerance": 1}, {"sizes": [2], "approve": True}]
)


class User(RuleBasedStateMachine):
    """What a user may do, in any order; `notes` are the edits of fields that are nobody's but the tenant's."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.place = Path(mkdtemp())
        self.stack.callback(shutil.rmtree, self.place, ignore_errors=True)
        patch = pytest.MonkeyPatch()
        self.stack.callback(patch.undo)
        self.stage: Stage = self.stack.enter_context(staged(self.place, patch))
        self.stage.tenants = {name: Customer(US, number) for number, name in enumerate(TENANTS)}
        self.notes: dict[str, int] = {}
        self.before: dict[str, dict[str, object]] = {}
        self.sizes = self.stage.manifest["flow"]["settings"]

    def teardown(self) -> None:
        self.stack.close()

    def rollout(self) -> str:
        """Return the newest rollout."""
        ended = self.stage.run("status", "--json")
        return str(ended.document["rollout"]) if ended.out else ""

    def do(self, *words: str) -> Ended:
        ended = self.stage.run(*words)
        assert ended.code in ENDS | {2}, (words, ended.code, ended.err)
        assert "Traceback" not in ended.err
        return ended

    @initialize(waves=WAVES, refused=st.sets(st.sampled_from(TENANTS), max_size=2))
    def begins(self, waves: Any, refused: set[str]) -> None:  # noqa: ANN401 - JSON
        self.wants_waves(waves)
        for name in sorted(refused):
            self.stage.refuse(name)
        self.applies(supersede=False, failed=False)

    @rule(waves=WAVES)
    def wants_waves(self, waves: Any) -> None:  # noqa: ANN401 - JSON
        self.stage.manifest.pop("waves", None)
        if waves:
            self.stage.manifest["waves"] = waves

    @rule(size=st.sampled_from([100, 200, 300]))
    def wants_another_value(self, size: int) -> None:
        self.sizes["batchSize"] = size

    @rule(supersede=st.booleans(), failed=st.booleans())
    def applies(self, supersede: bool, failed: bool) -> None:
        words = [*(["--supersede"] if supersede else []), *(["--failed"] if failed else [])]
        values, last = {name: self.value(name) for name in TENANTS}, self.rollout()
        self.do("apply", "--yes", "--json", "--allow", "many-updates", *words)
        if (rollout := self.rollout()) != last:
            self.before[rollout] = values

    @rule(size=st.sampled_from([100, 200, 300]))
    def upgrades(self, size: int) -> None:
        self.sizes["batchSize"] = size
        self.applies(supersede=True, failed=False)

    @rule(wave=st.sampled_from([(), ("--wave", "wave 1"), ("--wave", "wave 2")]))
    def approves(self, wave: tuple[str, ...]) -> None:
        ended = self.stage.run("status", "--json")
        plan = ended.document["plan"] if ended.out else "0" * 12
        self.do("approve", "--plan", plan, *wave)

    @rule(failed=st.booleans())
    def resumes(self, failed: bool) -> None:
        self.do("resume", *(["--failed"] if failed else []))

    @rule()
    def pauses(self) -> None:
        self.do("pause")

    @rule(name=st.sampled_from(TENANTS))
    def excludes(self, name: str) -> None:
        self.do("exclude", name)

    @rule()
    def aborts(self) -> None:
        self.do("abort", "--yes")

    @rule()
    def looks(self) -> None:
        self.stage.forget_requests()
        for words in (("plan",), ("status",), ("drift",), ("rollback", "--plan"), ("sweep",), ("rehearse",)):
            self.do(*words)
        assert self.stage.writes == []

    @rule()
    def rolls_back(self) -> None:
        """Whoever was undone is as before the rollout: with the value of then, or disabled, if it was made by it."""
        before = self.before.get(self.rollout())
        ended = self.do("rollback", "--yes", "--json")
        if ended.code != 0 or not ended.out or before is None:
            return
        for name, tenant in ended.tenants.items():
            if tenant["outcome"] == "done" and before[name] is None:
                assert self.stage.flow(name)["disabled"], name
            elif tenant["outcome"] == "done":
                assert self.value(name) == before[name], name

    @rule(name=st.sampled_from(TENANTS), note=st.integers(1, 9))
    def edits_what_is_not_ours(self, name: str, note: int) -> None:
        if self.stage.flows(name):
            self.stage.edit(name, note=note)
            self.notes[name] = note

    @rule(name=st.sampled_from(TENANTS))
    def edits_what_is_ours(self, name: str) -> None:
        if self.stage.flows(name):
            self.stage.edit(name, timezone="Asia/Tokyo")

    @rule(name=st.sampled_from(TENANTS))
    def is_refused(self, name: str) -> None:
        self.stage.refuse(name)

    @rule(route=st.sampled_from(["flows.clone", "flows.put", "flows.get"]), nth=st.integers(1, 4))
    def loses_an_answer(self, route: str, nth: int) -> None:
        self.stage.befall(Rule(action="refuse", route=route, status=503, nth=nth))

    @rule()
    def mends(self) -> None:
        self.stage.mend()

    def value(self, name: str) -> object:
        flows = self.stage.flows(name)
        return flows[0].get("settings", {}).get("batchSize") if flows else None

    @invariant()
    def nobody_has_two_flows(self) -> None:
        assert all(len(self.stage.flows(name)) <= 1 for name in TENANTS)

    @invariant()
    def no_edit_of_what_is_not_ours_is_lost(self) -> None:
        assert {name: self.stage.flow(name).get("note") for name in self.notes} == self.notes

    @invariant()
    def counts_add_up_and_no_more_failed_than_the_waves_let(self) -> None:
        if not (self.stage.directory / ".deployer" / "journal.db").exists():
            return
        ended = self.stage.run("status", "--json")
        if ended.code == 2:  # nothing was rolled out yet
            return
        document = ended.document
        outcomes = Counter(tenant["outcome"] for tenant in document["tenants"])
        assert {status: count for status, count in document["counts"].items() if count} == dict(outcomes)
        for wave in document["waves"]:
            assert sum(wave["counts"].values()) == wave["tenants"]
            if document["outcome"] == "succeeded":
                assert wave["counts"]["failed"] == 0


TestUser = User.TestCase
TestUser.settings = settings(
    max_examples=12, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
)
