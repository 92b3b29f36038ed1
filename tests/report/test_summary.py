from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.deployment import Deployment, Status
from deployer.domain.documents import Document
from deployer.domain.lifecycle import Event, State, StepKind
from deployer.domain.plan import Action
from deployer.journal.protocol import Happening, Rollout
from deployer.report.history import tenant_text
from deployer.report.summary import rollout_head, summary_text, tenant_view
from tests.factories import rollout
from tests.report.stage import at_rest, untouched

GOLDEN = Path(__file__).parent / "golden"
RESOLVE = "look at it, then: deployer resolve soylent --took ID, or --retry"


def head(deployments: Sequence[Deployment], of: Rollout | None = None) -> Document:
    counts = Counter(deployment.status for deployment in deployments)
    return rollout_head(of or rollout(), {status: counts[status] for status in Status})


def shown(deployments: Sequence[Deployment], *, width: int = 80, **halted: str) -> str:
    reason = "; ".join(f"{account}: {cause}" for account, cause in halted.items())
    of = replace(rollout(reason=reason), outcome="halted" if halted else "running")
    tenants = map(tenant_view, deployments)
    return summary_text(head(deployments, of), tenants, width=width, manifest="rollout.yaml")


def failed(count: int, *, code: str = "invalid_field", message: str = "no such zone") -> list[Deployment]:
    remedy = "mend the cause and run resume with --failed"
    return [at_rest(f"{code}-{n}", State.FAILED, code=code, message=message, remedy=remedy) for n in range(count)]


def mixed() -> list[Deployment]:
    """Return tenants of every fate that has something to say."""
    doubt = "a flow cloned from the template is there without our marker: 5f12"
    return [
        *(at_rest(f"tenant-{number}", State.DONE) for number in range(38)),
        *failed(7),
        *failed(1, code="not_found", message="no such integration"),
        at_rest("soylent", State.UNKNOWN, code="doubtful_flow", message=doubt, remedy=RESOLVE),
        untouched("initech", action=Action.BLOCKED, reason="integration 5f is not in account main"),
        untouched("hooli"),
    ]


@pytest.mark.parametrize("width", [80, 120])
def test_a_summary_reads_like_this(width: int) -> None:
    text = shown(mixed(), width=width, main="the API does not accept the token any more") + "\n"
    assert text == (GOLDEN / f"summary-{width}.txt").read_text(encoding="utf-8")


@given(st.lists(st.sampled_from([*State, None])))
def test_counts_have_every_status_and_add_up_to_the_tenants(states: list[State | None]) -> None:
    tenants = [
        untouched(f"t{number}", action=Action.NO_CHANGE) if state is None else at_rest(f"t{number}", state)
        for number, state in enumerate(states)
    ]
    counts = head(tenants)["counts"]
    assert isinstance(counts, dict)
    assert set(counts) == {status.value for status in Status}
    assert sum(count for count in counts.values() if isinstance(count, int)) == len(states)


def test_a_line_to_resolve_a_tenant_is_never_broken() -> None:
    assert RESOLVE in shown(mixed(), width=40)


def test_equal_causes_are_told_once() -> None:
    text = shown(failed(7))
    assert text.count("no such zone") == 1
    assert "7 failed" in text
    assert "… and 2 more" in text


def test_the_cause_of_most_tenants_comes_first() -> None:
    text = shown([*failed(1, code="rare"), *failed(2, code="usual")])
    assert text.index("usual:") < text.index("rare:")


def test_nothing_to_do_says_so() -> None:
    text = shown([untouched(name, action=Action.NO_CHANGE) for name in "abc"])
    assert text.endswith("nothing to do: 3 tenants unchanged, only reads were sent")


def test_work_that_is_left_names_the_command_that_goes_on() -> None:
    assert "deployer resume rollout.yaml" in shown([untouched("acme")])


def test_success_has_nothing_more_to_say() -> None:
    assert shown([at_rest("acme", State.DONE)]) == "Rollout order-sync succeeded: 1 done"


def test_a_blocked_tenant_says_why_in_the_document() -> None:
    view = tenant_view(untouched("a", action=Action.BLOCKED, reason="moved"))
    assert view["error"]["message"] == "moved"


@pytest.mark.parametrize("word", ["aborted", "superseded", "paused"])
def test_what_a_person_decided_is_the_outcome(word: str) -> None:
    document = head([untouched("acme")], replace(rollout(), outcome=word))
    assert document["outcome"] == word


def test_the_outcome_follows_a_tenant_that_was_resolved_since() -> None:
    recorded = replace(rollout(), outcome="succeeded_with_failures")
    assert head([at_rest("acme", State.DONE)], recorded)["outcome"] == "succeeded"


def test_a_halted_rollout_stays_halted_when_it_is_looked_at_later() -> None:
    document = head([untouched("acme")], replace(rollout(reason="main: 401"), outcome="halted"))
    assert (document["outcome"], document["reason"]) == ("halted", "main: 401")


def test_a_night_between_two_applies_is_not_counted_as_work() -> None:
    ended = replace(rollout(), ended_at="2026-03-02T10:06:12.000Z")
    text = summary_text(head([at_rest("acme", State.DONE)], ended), [], width=80, manifest="m")
    assert text == "Rollout order-sync succeeded: 1 done"


@pytest.mark.parametrize(("at_work", "word"), [(False, "unfinished"), (True, "running")])
def test_a_rollout_that_nobody_carries_out_is_not_said_to_run(at_work: bool, word: str) -> None:
    document = head([at_rest("acme", State.DONE), untouched("globex")])
    text = summary_text(document, [], width=80, manifest="m", at_work=at_work)
    assert text.startswith(f"Rollout order-sync {word}: 1 done, 1 pending")
    assert document["outcome"] == "running"


def test_causes_that_differ_in_the_name_of_the_tenant_alone_are_told_once() -> None:
    tenants = [
        at_rest(name, State.FAILED, code="gone", message=f"no {name}, none", remedy=f"deployer resolve {name} --retry")
        for name in ("acme", "acme-us", "globex")
    ]
    text = shown(tenants)
    assert "3 failed: gone: no TENANT, none" in text
    assert "→ deployer resolve TENANT --retry" in text
    assert "no acme, none" in shown(tenants[:1])


@pytest.mark.parametrize("name", ["stale", "failed"])
def test_a_code_that_is_the_outcome_is_said_once(name: str) -> None:
    error = {"code": name, "status": None, "field": None, "message": "changed outside", "remedy": "mend it"}
    stale = at_rest("acme", State.FAILED, code=name)
    facts = {"error": error, "stale": name == "stale"}
    [step] = stale.steps
    acme = replace(stale, steps=(replace(step, facts=facts),))  # type: ignore[arg-type]  # JSON
    assert f"1 {name}: changed outside" in shown([acme])
    assert f"  {name}: changed" not in tenant_text(acme, [])


def test_a_tenant_is_shown_with_all_that_happened_to_it() -> None:
    happenings = [
        Happening(StepKind.CLONE, Event.INTEND, "2026-03-01T10:00:01Z", {"seen": ["f0"]}),
        Happening(StepKind.CLONE, Event.SUCCEED, "2026-03-01T10:00:02Z", {"flow": "f1"}),
    ]
    deployment = at_rest("acme", State.FAILED, code="invalid_field", message="no such zone")
    assert tenant_text(deployment, happenings).splitlines() == [
        "acme  update  failed",
        "  account main  integration 5f0000000000000000000a01",
        "  2026-03-01T10:00:01Z  clone      intend",
        '  2026-03-01T10:00:02Z  clone      succeed      in 1.0s  flow "f1"',
        "  invalid_field: no such zone (timezone, 422)",
        "  → mend it",
    ]


def test_an_error_that_was_mended_is_still_told_where_it_happened() -> None:
    error: Document = {
        "code": "connection_offline",
        "status": 422,
        "field": None,
        "message": "no answer",
        "remedy": "mend it",
    }
    happenings = [
        Happening(StepKind.CLONE, Event.REFUSE, "2026-03-01T10:00:01Z", {"error": error}),
        Happening(StepKind.CLONE, Event.RETRY, "2026-03-01T10:00:02Z", {"error": None}),
    ]
    lines = tenant_text(at_rest("acme", State.DONE), happenings).splitlines()
    assert lines[2:] == [
        '  2026-03-01T10:00:01Z  clone      refuse       error "connection_offline: no answer (422)"',
        "  2026-03-01T10:00:02Z  clone      retry        in 1.0s",
    ]


def test_a_tenant_that_is_as_it_should_be_is_said_to_be_unchanged_and_once() -> None:
    unchanged = untouched("acme", action=Action.NO_CHANGE)
    assert tenant_text(replace(unchanged, steps=()), []).splitlines()[0] == "acme  unchanged"


def test_what_differs_in_ids_alone_is_one_cause_said_without_them() -> None:
    gone = [
        untouched(f"tenant-{n}", action=Action.BLOCKED, reason=f"integration {n:024x} is not in account main")
        for n in range(3)
    ]
    assert "3 blocked: integration ID is not in account main" in shown(gone)
    assert f"1 blocked: integration {0:024x} is not" in shown(gone[:1], width=120)
