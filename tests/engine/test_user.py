"""A random user plans, applies, upgrades, edits and deletes by hand, ends and undoes, while a model looks on."""

import re
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
from deployer.simulator.world import iso
from tests.engine.stage import US, Ended, Stage, staged, template

TENANTS = [f"tenant-{number}" for number in range(5)]
ENDS = {0, 1, 3, 5, 6}  # of commands that may find work, trouble, or that somebody has to decide


WAVES = st.sampled_from(
    [None, {"sizes": [1, 2]}, {"mode": "strict", "sizes": [2], "tolerance": 1}, {"sizes": [2], "approve": True}]
)


class User(RuleBasedStateMachine):
    """What a user may do, in any order; `notes` are the edits of fields that are nobody's but the tenant's.

    `part_notes` are those of the tenants' copies of the export, and `uris` the addresses that the template ever had.
    """

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
        self.part_notes: dict[str, int] = {}
        self.uris = {str(self.part()["http"]["relativeURI"])}
        self.before: dict[str, dict[str, object]] = {}
        self.sizes = self.stage.manifest["flow"]["settings"]

    def documents(self, kind: str) -> dict[str, Any]:
        return self.stage.simulator.world.accounts[US].documents[kind]

    def part(self, name: str | None = None) -> Any:  # noqa: ANN401 - JSON
        """Return the export of the template, or a tenant's copy of it."""
        flow = self.stage.flow(name) if name else self.documents("flows")[template()]
        return self.documents("exports")[flow["_exportId"]]

    def change_part(self, part: Any, **fields: object) -> None:  # noqa: ANN401 - JSON
        stamp = iso(4_000_000_000 + len(self.stage.ledger.arrivals))
        self.stage.simulator.world.accounts[US].keep("exports", {**part, **fields, "lastModified": stamp})

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

    @rule(number=st.integers(1, 4))
    def changes_the_template(self, number: int) -> None:
        self.uris.add(f"/v{number}")
        self.change_part(self.part(), http={"method": "GET", "relativeURI": f"/v{number}"})

    @rule(name=st.sampled_from(TENANTS), note=st.integers(1, 9))
    def edits_a_copy(self, name: str, note: int) -> None:
        if self.stage.flows(name):
            self.change_part(self.part(name), note=note)
            self.part_notes[name] = note

    @rule(name=st.sampled_from(TENANTS))
    def deletes(self, name: str) -> None:
        """Who is deleted has no flow any more, and nobody else has lost one."""
        before = {other: self.stage.flows(other) for other in TENANTS if other != name}
        ended = self.do("delete", "--tenant", name, "--yes", "--json")
        assert {other: self.stage.flows(other) for other in before} == before
        if ended.out and ended.tenants[name]["outcome"] == "done":
            assert self.stage.flows(name) == []
        if not self.stage.flows(name):
            self.forget(name)

    @rule(name=st.sampled_from(TENANTS))
    def detaches(self, name: str) -> None:
        before = self.stage.flows(name)
        self.do("detach", "--tenant", name, "--yes")
        assert len(self.stage.flows(name)) == len(before)

    @rule(name=st.sampled_from(TENANTS))
    def deletes_by_hand(self, name: str) -> None:
        if self.stage.flows(name):
            self.stage.drop(name)
            self.forget(name)

    @rule(name=st.sampled_from(TENANTS), word=st.sampled_from(["--recreate", "--ours", "--theirs"]))
    def decides(self, name: str, word: str) -> None:
        values, last = {each: self.value(each) for each in TENANTS}, self.rollout()
        self.do("apply", "--yes", "--json", "--allow", "many-updates", word, name)
        if (rollout := self.rollout()) != last:
            self.before[rollout] = values

    def forget(self, name: str) -> None:
        self.notes.pop(name, None)
        self.part_notes.pop(name, None)

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

    @rule(route=st.sampled_from(["flows.clone", "flows.put", "exports.put"]), failed=st.booleans())
    def is_killed(self, route: str, failed: bool) -> None:
        """Kill an apply as it sends its first request of a kind; one that has none to send ends by itself."""
        values, last, sent = {name: self.value(name) for name in TENANTS}, self.rollout(), self.stage.sent(route)
        words = ["apply", "--yes", "--allow", "many-updates", *(["--failed"] if failed else [])]
        with self.stage.started(*words) as process:
            while process.poll() is None and self.stage.sent(route) == sent:
                with self.stage.ledger.changed:
                    self.stage.ledger.changed.wait(0.02)
            process.kill()
            process.communicate()
        if (rollout := self.rollout()) != last:
            self.before[rollout] = values

    @rule()
    def looks(self) -> None:
        self.stage.forget_requests()
        for words in (("plan",), ("status",), ("drift",), ("rollback", "--plan"), ("sweep",), ("rehearse",)):
            self.do(*words)
        assert self.stage.writes == []

    @rule()
    def rolls_back(self) -> None:
        """Whoever was undone is as before the rollout: with the value of then, or disabled, if it was made by it."""
        ended = self.do("rollback", "--yes", "--json")
        undone = re.search(r"^undoing rollout (\S+)", ended.err, re.MULTILINE)
        before = self.before.get(undone[1]) if undone else None
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
        assert {name: self.part(name).get("note") for name in self.part_notes} == self.part_notes

    @invariant()
    def the_template_is_nobodys_but_the_persons_and_every_copy_has_an_address_of_its(self) -> None:
        assert "note" not in self.part()
        there = {self.part(name)["http"]["relativeURI"] for name in TENANTS if self.stage.flows(name)}
        assert there <= self.uris

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
