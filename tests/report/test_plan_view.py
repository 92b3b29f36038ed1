import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.domain.documents import MISSING, Value
from deployer.domain.merge3 import Change, Verdict
from deployer.domain.plan import Action, Plan
from deployer.domain.waves import Wave
from deployer.report.drift import drift_text
from deployer.report.plan_lines import PlanLines
from deployer.report.plan_view import plan_head, plan_tenant, plan_text, whole_plan_text
from deployer.report.text import columns
from tests.factories import CREATE, UPDATE, crowd, plan, planned
from tests.report.stage import DIGEST, account, change, creations, sample

GOLDEN = Path(__file__).parent / "golden"


def shown(made: Plan, *, width: int = 120, show_all: bool = False, manifest: str = "rollout.yaml") -> str:
    if show_all:
        return "\n".join(whole_plan_text(made, DIGEST, width=width, manifest=manifest))
    lines = PlanLines()
    for place, each in reversed([*enumerate(made.tenants)]):  # in which order they are decided does not matter
        lines.add(place, each)
    return plan_text(made, DIGEST, lines, width=width, manifest=manifest)


def test_what_is_named_like_a_secret_is_in_no_plan() -> None:
    was = "was-hush"
    becomes: Value = {"user": "ann", "password": "hush"}
    changes = (change("settings.apiKey", was, "hush"), change("settings.login", MISSING, becomes))
    drifted = change("settings.token", was, "hush", Verdict.DRIFT)
    made = plan(planned("acme", action=Action.UPDATE, steps=UPDATE, changes=[*changes, drifted]))
    texts = (shown(made), shown(made, show_all=True), json.dumps([*map(plan_tenant, made.tenants)]))
    told = drift_text(made, width=120)

    assert not any("hush" in text for text in (*texts, told))
    assert 'settings.apiKey "***" → "***"' in texts[0]
    assert 'settings.token is "***" instead of "***"' in told
    assert '"user": "ann"' in texts[2]


@pytest.mark.parametrize("width", [80, 120])
def test_a_plan_reads_like_this(width: int) -> None:
    assert shown(sample(), width=width) + "\n" == (GOLDEN / f"plan-{width}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal_but_for_the_command_to_copy(width: int) -> None:
    wide = [line for line in shown(sample(), width=width).splitlines() if columns(line) > width]
    assert all(line.startswith("Apply it:") for line in wide)


def test_very_long_names_of_a_group_are_cut_so_that_the_others_are_seen() -> None:
    long = [replace(each, tenant=f"{place}{each.tenant}{'x' * 200}") for place, each in enumerate(alike(5).tenants)]
    lines = shown(plan(*long), width=80).splitlines()
    assert all(columns(line) <= 80 for line in lines if not line.startswith("Apply it:"))
    assert "4tenant-4xxx" in "".join(lines)


def test_the_counts_of_a_large_plan_have_separators() -> None:
    text = shown(alike(2000))
    assert "  + 2,000 tenants  create" in text
    assert "… and 1,994 more (--all shows each)" in text
    assert "2,000 to create · 8,000 requests, about 26 s · without waves nothing stops before all 2,000 tenants" in text


def test_more_than_fifty_tenants_of_a_kind_are_counted_and_not_listed() -> None:
    unlike = [replace(each, changes=(change(f"settings.{each.tenant}", 1, 2),)) for each in creations(400).tenants]
    text = shown(plan(*unlike))
    assert "… and 350 more like it (--all shows them)" in text
    assert text.count("  + tenant-") == 50


def test_drift_that_is_alike_is_told_once_and_of_as_many_tenants_as_have_it() -> None:
    size = [change("settings.batchSize", 100, 200, Verdict.DRIFT)]
    names = [[change("name", f"Sync {n}", "Sync", Verdict.DRIFT), *size] for n in range(1300)]
    lines = drift_text(changed_outside([size, size, *names]), width=80).splitlines()
    assert lines == [
        "! tenant-0  settings.batchSize is 100 instead of 200",
        "! tenant-1  settings.batchSize is 100 instead of 200",
        '! 1,300 tenants  name is "Sync 0" instead of "Sync", …',
        "! 1,300 tenants  settings.batchSize is 100 instead of 200",
        "      tenant-2, tenant-3, tenant-4, tenant-5, tenant-6, tenant-7, … and 1,294",
        "      more (-o table shows each)",
        "1,302 of 1,302 flows changed outside",
        "",
        "Put them back:  drift: restore in the manifest, then apply",
    ]
    assert drift_text(changed_outside([]), width=80) == "0 flows, none changed outside"


def test_drift_that_is_everywhere_another_is_told_of_fifty_tenants_and_counted() -> None:
    gone = [[change(f"settings.key{n}", 100, 200, Verdict.DRIFT)] for n in range(1300)]
    lines = drift_text(changed_outside(gone), width=80).splitlines()
    assert len(lines) == 54
    assert lines[-4:-2] == [
        "! … and 1,250 more (-o table shows them)",
        "1,300 of 1,300 flows changed outside",
    ]


def changed_outside(tenants: Sequence[Sequence[Change]]) -> Plan:
    """Return a plan that finds only that these fields of the tenants were changed outside."""
    return plan(
        *(
            planned(f"tenant-{number}", action=Action.NO_CHANGE, flow="f1", steps=(), changes=changes)
            for number, changes in enumerate(tenants)
        )
    )


def test_all_tenants_are_listed_on_request() -> None:
    text = shown(creations(400), show_all=True)
    assert text.count("  + tenant-") == 400
    assert "more like it" not in text


def alike(count: int) -> Plan:
    """Return a plan of tenants that change in the same fields, one of which differs in its value."""
    names = [f"tenant-{number}" for number in range(count)]
    return plan(
        *(planned(name, changes=[change("name", MISSING, f"For {name}"), change("disabled", 1, 2)]) for name in names)
    )


def test_tenants_that_are_alike_are_told_as_one() -> None:
    assert shown(alike(40)).splitlines()[2:4] == [
        '  + 40 tenants  create     name "For tenant-0", …    disabled 2',
        "      tenant-0, tenant-1, tenant-2, tenant-3, tenant-4, tenant-5, … and 34 more (--all shows each)",
    ]


def test_three_tenants_are_told_one_by_one_and_so_is_everybody_on_request() -> None:
    assert shown(alike(3)).count("  + tenant-") == 3
    assert shown(alike(40), show_all=True).count("  + tenant-") == 40


def test_tenants_that_are_not_alike_keep_their_place_beside_a_group() -> None:
    made = alike(5)
    other = planned("other", changes=[change("schedule", 1, 2)])
    blocked = [planned(f"b{n}", action=Action.BLOCKED, steps=(), reason=f"b{n} has no flow") for n in range(4)]
    first, *rest = made.tenants
    lines = shown(plan(first, other, *rest, *blocked)).splitlines()
    assert [line[:13] for line in lines if line[2:3] in {"+", "x"}] == [
        "  + 5 tenants",
        "  + other    ",
        "  x 4 tenants",
    ]
    assert "b0 has no flow, …" in "\n".join(lines)


def test_unchanged_tenants_are_listed_only_on_request() -> None:
    assert "hooli" not in shown(sample())
    assert "= hooli" in shown(sample(), show_all=True)


def test_a_plan_without_work_offers_nothing_to_apply() -> None:
    text = shown(plan(planned(action=Action.NO_CHANGE, steps=())))
    assert "nothing to do" in text
    assert "Apply it" not in text


def test_the_command_to_apply_survives_a_path_with_spaces() -> None:
    text = shown(sample(), manifest="my files/rollout.yaml")
    assert text.endswith("deployer apply 'my files/rollout.yaml' --plan 7f3ac1000000")


def test_templates_that_differ_between_accounts_are_pointed_out() -> None:
    both = {"us": account("us"), "eu": account("eu", revision="b" * 64)}
    text = shown(replace(sample(), accounts=both))
    assert "@rev:7f3ac1" in text
    assert "@rev:bbbbbb" in text
    assert "the template is not the same in all accounts" in text


def test_wide_names_keep_the_columns_straight() -> None:
    first, second = shown(plan(planned("東京", steps=CREATE), planned("acme"))).splitlines()[2:4]
    assert columns(first.partition("create")[0]) == columns(second.partition("create")[0])


def test_a_document_counts_requests_and_everybody_at_risk() -> None:
    document = plan_head(sample(), DIGEST)
    assert (document["requests"], document["blast_radius"], document["seconds"]) == (6, 2, 0.0)


def test_only_tenants_with_work_have_a_wave() -> None:
    assert [plan_tenant(tenant)["wave"] for tenant in sample().tenants] == [1, 1, None, None, None]


def test_a_change_without_a_value_has_no_key_for_it() -> None:
    view = plan_tenant(planned(changes=[change("schedule", MISSING, None)]))
    assert view["changes"] == [{"path": "schedule", "to": None, "verdict": "update"}]


@pytest.mark.parametrize(
    ("users", "seconds"),
    [
        pytest.param(("one", "one"), 11.5, id="one bucket for two entries of an account"),
        pytest.param(("one", "two"), 4.7, id="two accounts side by side"),
    ],
)
def test_time_follows_from_the_buckets_that_accounts_share(users: tuple[str, str], seconds: float) -> None:
    accounts = {name: account(name, user=user) for name, user in zip("ab", users, strict=True)}
    tenants = [*crowd(500, account="a"), *crowd(500, account="b")]
    made = replace(plan(*tenants), accounts=accounts)
    assert plan_head(made, DIGEST)["seconds"] == seconds


def test_a_rate_of_the_manifest_is_the_rate_of_the_estimate() -> None:
    settings = {"accounts": {"main": {"rate": {"per_second": 10, "burst": 10, "share": 0.5}}}}
    made = replace(creations(100), settings=settings)  # type: ignore[arg-type]  # JSON
    assert plan_head(made, DIGEST)["seconds"] == pytest.approx((400 - 3) / (0.985 * 5), abs=0.05)
    assert "5 req/s of 10" in shown(made)
    assert "about 81 s" in shown(made)


def test_how_long_it_takes_is_told_with_what_the_waves_bake() -> None:
    bakes = {"a": 60.0, "b": 7200.0, "c": 9.0}
    waves = tuple(Wave(name, 1, 1, 0, bake=(seconds, seconds)) for name, seconds in bakes.items())
    assert "requests, about 1 s besides 2h01m in which waves bake" in shown(replace(alike(3), waves=waves))
    assert "besides" not in shown(replace(alike(3), waves=waves[-1:]))
