"""Selections, layers and `--set`, from what is typed to what a tenant's flow holds."""

import shlex

import pytest

from deployer.simulator import Customer, Rule
from tests.engine.stage import EU, US, Stage


@pytest.fixture
def ringed(stage: Stage) -> Stage:
    """Return a stage whose tenants acme and globex are in ring one, and initech in ring two."""
    rings = {"acme": "one", "globex": "one", "initech": "two"}
    stage.columns = {name: {"label.ring": ring} for name, ring in rings.items()}
    return stage


def deployed(stage: Stage) -> set[str]:
    return {name for name in stage.tenants if stage.flows(name)}


@pytest.mark.parametrize(
    ("words", "selected"),
    [
        (("--label", "ring=one"), ["acme", "globex"]),
        (("--tenant", "initech"), ["initech"]),
        (("--label", "ring=two", "--tenant", "acme"), ["acme", "initech"]),
        (("--exclude", "acme"), ["globex", "initech"]),
        (("--label", "ring=one", "--exclude", "acme"), ["globex"]),
    ],
    ids=" ".join,
)
def test_only_who_is_selected_is_planned_and_rolled_out(
    ringed: Stage, words: tuple[str, ...], selected: list[str]
) -> None:
    assert list(ringed.plan(*words)) == selected

    ended = ringed.apply(*words)

    assert ended.code == 0, ended.err
    assert list(ended.tenants) == selected
    assert deployed(ringed) == set(selected)


def test_of_a_part_of_the_list_nobody_is_said_to_have_left_it(ringed: Stage) -> None:
    ringed.apply()
    del ringed.tenants["globex"]
    assert "1 not in manifest" in ringed.run("plan").out

    ended = ringed.run("plan", "--tenant", "acme")

    assert "1 unchanged" in ended.out
    assert "not in manifest" not in ended.out


@pytest.mark.parametrize(
    "command", [("plan",), ("apply", "--yes"), ("run",), ("validate",)], ids=lambda words: words[0]
)
@pytest.mark.parametrize(
    ("words", "meant"), [(("--exclude", "acne"), "acme"), (("--label", "ring=one", "--label", "ring=twoo"), "two")]
)
def test_a_name_that_nobody_has_is_refused_unless_allowed(
    ringed: Stage, command: tuple[str, ...], words: tuple[str, ...], meant: str
) -> None:
    ringed.apply()
    ringed.forget_requests()

    refused = ringed.run(*command, *words)

    assert (refused.code, ringed.ledger.arrivals) == (6, [])
    assert f'did you mean "{meant}"?' in refused.err
    assert ringed.run(*command, *words, "--allow", "unknown-name").code == 0


def test_a_run_starts_the_flows_of_who_is_selected(ringed: Stage) -> None:
    ringed.apply()

    assert ringed.run("run", "--tenant", "acme").code == 0

    assert [len(ringed.effects("run", name)) for name in ringed.tenants] == [1, 0, 0]


def halted(stage: Stage, *words: str) -> str:
    """Leave a rollout unfinished, and return its id."""
    stage.befall(Rule(action="refuse", route="flows.clone", status=401))
    ended = stage.apply(*words)
    stage.mend()
    assert ended.document["outcome"] == "halted", ended.err
    return str(ended.document["rollout"])


def typed(*words: str) -> str:
    return "".join(f" {shlex.quote(word)}" for word in words)


def test_the_same_selection_goes_on_with_its_rollout(ringed: Stage) -> None:
    first = halted(ringed, "--label", "ring=one")

    ended = ringed.apply("--label", "ring=one")

    assert (ended.code, ended.document["rollout"]) == (0, first)
    assert deployed(ringed) == {"acme", "globex"}


@pytest.mark.parametrize(
    ("words", "named"), [((), "the tenants"), (("--label", "ring=one", "--set", "region=moon"), "the manifest")]
)
def test_another_selection_or_value_is_refused_with_the_ways_out(
    ringed: Stage, words: tuple[str, ...], named: str
) -> None:
    halted(ringed, "--label", "ring=one")
    ringed.forget_requests()

    ended = ringed.apply(*words)

    assert (ended.code, ringed.writes) == (6, [])
    assert named in ended.err
    assert "deployer resume rollout.yaml" in ended.err
    assert f"deployer apply rollout.yaml{typed(*words)} --supersede" in ended.err


def test_resume_goes_on_with_what_was_selected(ringed: Stage) -> None:
    first = halted(ringed, "--tenant", "initech")

    ended = ringed.run("resume", "--json")

    assert (ended.code, ended.document["rollout"]) == (0, first)
    assert deployed(ringed) == {"initech"}


def test_commands_to_type_repeat_the_selection(ringed: Stage) -> None:
    typed = " --label ring=one --set 'region=a b'"
    words = ("--label", "ring=one", "--set", "region=a b")

    planned, applied = ringed.run("plan", *words), ringed.run("apply", *words)

    assert f"deployer apply rollout.yaml{typed} --plan " in planned.out
    assert f"deployer apply{typed} --yes" in applied.err


def test_the_command_that_a_plan_of_a_selection_prints_applies_it(ringed: Stage) -> None:
    [line] = [line for line in ringed.run("plan", "--tenant", "acme").out.splitlines() if line.startswith("Apply it:")]

    ended = ringed.run(*line.split()[3:], "--yes")

    assert ended.code == 0, ended.err
    assert deployed(ringed) == {"acme"}


def test_a_guard_judges_the_selected_alone(stage: Stage) -> None:
    stage.tenants = {f"tenant-{number}": Customer(US, number) for number in range(12)}
    stage.apply()
    stage.manifest["flow"]["settings"]["batchSize"] = 300

    assert stage.apply().code == 6
    assert stage.apply("--tenant", "tenant-3").code == 0


def layered(stage: Stage, *layers: str) -> None:
    """State a size in some layers; a tenant's column counts as one."""
    stage.manifest["flow"]["settings"] = {"size": "${tenant.values.size:-0}"}
    stage.columns = {"acme": {"label.ring": "one"}}
    if "values" in layers:
        stage.manifest["values"] = {"size": 1}
    if "account" in layers:
        stage.manifest["accounts"][US]["values"] = {"size": 2}
    if "label" in layers:
        stage.manifest["labels"] = {"ring=one": {"size": 3}}
    if "tenant" in layers:
        stage.columns["acme"]["size"] = "4"


@pytest.mark.parametrize(
    ("layers", "words", "sizes"),
    [
        ((), (), [0, 0, 0]),
        (("values",), (), [1, 1, 1]),
        (("values", "account"), (), [2, 2, 2]),
        (("values", "account", "label"), (), [3, 2, 2]),
        (("values", "account", "label", "tenant"), (), ["4", 2, 2]),
        (("values", "account", "label", "tenant"), ("--set", "size=5"), [5, 5, 5]),
    ],
)
def test_the_strongest_layer_reaches_the_flow(
    stage: Stage, layers: tuple[str, ...], words: tuple[str, ...], sizes: list[object]
) -> None:
    layered(stage, *layers)

    ended = stage.apply(*words)

    assert ended.code == 0, ended.err
    assert [stage.flow(name)["settings"]["size"] for name in stage.tenants] == sizes


def test_a_value_that_is_unset_leaves_its_field_alone(stage: Stage) -> None:
    layered(stage, "values", "label")
    stage.manifest["labels"]["ring=one"]["size"] = "$unset"

    stage.apply()

    assert "size" not in (stage.flow("acme").get("settings") or {})
    assert stage.flow("globex")["settings"]["size"] == 1


def test_two_labels_that_disagree_block_their_tenant_alone(stage: Stage) -> None:
    layered(stage, "label")
    stage.columns["acme"]["label.tier"] = "gold"
    stage.manifest["labels"]["tier=gold"] = {"size": 9}

    ended = stage.apply()

    assert {name: tenant["outcome"] for name, tenant in ended.tenants.items()} == {
        "acme": "blocked",
        "globex": "done",
        "initech": "done",
    }
    assert '"size" to different values' in ended.tenants["acme"]["error"]["message"]


def test_accounts_from_a_file_are_rolled_out_like_others(stage: Stage) -> None:
    stage.add_account()
    stage.tenants["berlin"] = Customer(EU, 0)
    accounts = stage.manifest["accounts"]
    stage.manifest["accounts"] = "accounts.csv"
    titles = list(dict.fromkeys(f"connections.{id_}" for each in accounts.values() for id_ in each["connections"]))
    rows = [
        [name, each["url"], each["token"], each.get("template", "")]
        + [each["connections"].get(title.removeprefix("connections."), "") for title in titles]
        for name, each in accounts.items()
    ]
    lines = [["account", "url", "token", "template", *titles], *rows]
    stage.directory.mkdir()
    (stage.directory / "accounts.csv").write_text("\n".join(map(",".join, lines)), "utf-8")

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert deployed(stage) == {"acme", "globex", "initech", "berlin"}


def test_a_value_is_explained_with_the_layers_that_say_it(stage: Stage) -> None:
    layered(stage, "values", "label")

    told = stage.run("explain", "acme", "settings.size")
    [field] = stage.run("explain", "acme", "settings.size", "--json").document["fields"]

    assert told.code == 0
    assert "label ring=one" in told.out
    assert "rollout.yaml:" in told.out
    assert (field["field"], field["value"]) == ("settings.size", 3)
    assert [(each["layer"], each["counts"]) for each in field["names"][0]["layers"]][:2] == [
        ("label ring=one", True),
        ("top", False),
    ]


@pytest.mark.parametrize(
    ("words", "hint"),
    [(("acne",), '"acme"'), (("acme", "settings.regio"), '"settings.region"')],
    ids=["tenant", "field"],
)
def test_what_cannot_be_explained_is_refused_with_what_may_be_meant(
    stage: Stage, words: tuple[str, ...], hint: str
) -> None:
    ended = stage.run("explain", *words)

    assert (ended.code, ended.out) == (2, "")
    assert f"did you mean {hint}?" in ended.err
