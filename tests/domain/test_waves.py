"""Who is in which wave, how many may fail, and what a manifest may say of that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.manifest import Manifest
from deployer.domain.wave_models import Waves, picked
from deployer.domain.waves import AllotmentError, Amount, Stage, Wave, allot, blast_radius, stages_of
from tests.domain.test_manifest import lines, with_line

SIZES: st.SearchStrategy[list[Amount]] = st.lists(
    st.one_of(st.integers(1, 30), st.integers(1, 100).map("{}%".format)), min_size=1, max_size=5
)


def sizes(waves: tuple[Wave, ...]) -> list[int]:
    return [wave.size for wave in waves]


@pytest.mark.parametrize(
    ("asked", "tenants", "resolved"),
    [
        ([1, 5, "20%"], 40, [1, 5, 8, 8, 8, 8, 2]),
        ([1, 5, "20%"], 3, [1, 2]),
        (["29%"], 100, [29, 29, 29, 13]),
        (["0.5%"], 3, [1, 1, 1]),
        ([10], 10, [10]),
        ([1], 0, []),
    ],
)
def test_the_last_size_repeats_and_percentages_are_of_all(
    asked: list[Amount], tenants: int, resolved: list[int]
) -> None:
    _, waves = allot(stages_of(asked, tenants, Stage("")), [0] * tenants)
    assert sizes(waves) == resolved


@given(SIZES, st.integers(0, 500))
def test_every_tenant_is_in_one_wave_and_waves_follow_the_list(asked: list[Amount], tenants: int) -> None:
    numbers, waves = allot(stages_of(asked, tenants, Stage("")), [0] * tenants)
    assert numbers == sorted(numbers)
    assert [numbers.count(number) for number in range(1, len(waves) + 1)] == sizes(waves)
    assert sum(sizes(waves)) == tenants


def test_a_selector_takes_its_tenants_wherever_they_stand_and_rest_takes_the_others() -> None:
    stages = [Stage("canary", 2, selects=True), Stage("eu", selects=True), Stage("rest", "rest")]
    canary, eu, other = 0b001, 0b010, 0b000
    numbers, waves = allot(stages, [other, canary, eu, canary, canary, eu])
    assert numbers == [3, 1, 2, 1, 3, 2]  # the third canary finds no room
    assert [(wave.name, wave.size) for wave in waves] == [("canary", 2), ("eu", 2), ("rest", 2)]


def test_waves_without_tenants_are_left_out() -> None:
    numbers, waves = allot([Stage("canary", selects=True), Stage("rest", "rest")], [0, 0])
    assert (numbers, sizes(waves)) == ([1, 1], [2])


@pytest.mark.parametrize(
    ("stages", "picks", "tenant", "names"),
    [
        ([Stage("a", selects=True), Stage("b", selects=True)], [0b01, 0b11], 1, ["a", "b"]),
        ([Stage("a", selects=True)], [0b1, 0b0], 1, []),
        ([Stage("a", 1)], [0, 0], 1, []),
    ],
)
def test_a_tenant_in_two_waves_or_in_none_is_an_error(
    stages: list[Stage], picks: list[int], tenant: int, names: list[str]
) -> None:
    with pytest.raises(AllotmentError) as raised:
        allot(stages, picks)
    assert (raised.value.tenant, raised.value.waves) == (tenant, names)


@pytest.mark.parametrize(
    ("concurrency", "tolerance", "resolved"),
    [
        (None, 0, (40, 0)),
        (5, 2, (5, 2)),
        ("1%", "1%", (1, 0)),
        ("29%", "10%", (11, 4)),
    ],
)
def test_bounds_are_counted_of_the_wave(
    concurrency: Amount | None, tolerance: Amount, resolved: tuple[int, int]
) -> None:
    stage = Stage("all", "rest", concurrency=concurrency, tolerance=tolerance)
    _, (wave,) = allot([stage], [0] * 40)
    assert (wave.concurrency, wave.tolerance) == resolved


@pytest.mark.parametrize(("strict", "radius"), [(True, 3), (False, 6)])
def test_the_blast_radius_can_be_reached(strict: bool, radius: int) -> None:
    waves = [Wave("a", 5, 4, 1), Wave("b", 20, 4, 1)]
    assert blast_radius(waves, strict=strict) == radius
    # one tolerated in a; in b one tolerated, and one more (strict) or all four in flight
    assert radius == 1 + 1 + (1 if strict else 4)


def waves_of(line: str) -> Waves:
    manifest = with_manifest(line)
    assert manifest.waves is not None
    return manifest.waves


def with_manifest(line: str) -> Manifest:
    from deployer.domain.manifest import parse_manifest  # noqa: PLC0415 - beside its one use

    return parse_manifest(with_line(line), "r.yaml", {})


def test_a_list_is_short_for_each_and_a_wave_may_say_otherwise_than_all() -> None:
    waves = waves_of("waves: [{name: canary, select: ring=canary, approve: true}, {size: rest, bake: {min: 2m}}]")
    canary, rest = waves.stages(10)
    assert (canary.name, canary.selects, canary.approve, canary.bake) == ("canary", True, True, (0.0, 0.0))
    assert (rest.name, rest.size, rest.approve, rest.bake) == ("wave 2", "rest", False, (120.0, 120.0))
    assert [picked(waves.selectors, {"ring": ring}) for ring in ("canary", "eu")] == [1, 0]


def test_waves_are_read_back_as_they_were_written() -> None:
    manifest = with_manifest('waves: {mode: strict, sizes: [1, "20%"], tolerance: "5%", bake: {min: 1m, max: 1h}}')
    again = Manifest.model_validate({**manifest.model_dump(mode="json"), "tenants": []})
    assert again.waves == manifest.waves


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("{}", "5:8: waves: takes either sizes or each"),
        ("{sizes: [1], each: [{size: 1}]}", "5:8: waves: takes either sizes or each"),
        ("{sizes: []}", "5:16: waves.sizes: must have between 1 and 60 entries"),
        ("{sizes: [0]}", "5:17: waves.sizes[0]: must be more than 0"),
        ("{sizes: [1.5]}", '5:17: waves.sizes[0]: must be a number of tenants, or a percentage such as "20%"'),
        ("{sizes: [rest]}", '5:17: waves.sizes[0]: must be a number of tenants, or a percentage such as "20%"'),
        ("{sizes: [101%]}", '5:17: waves.sizes[0]: must be a number of tenants, or a percentage such as "20%"'),
        ("{sizes: [1], concurrency: 0%}", "5:34: waves.concurrency: must be more than 0"),
        ("{sizes: [1], bake: {min: 2m, max: 1m}}", "5:27: waves.bake: max must not be less than min"),
        ("[{name: a}]", "5:9: waves[0]: needs select, size, or both; the last may have size: rest"),
        ("[{size: rest}, {size: 1}]", "5:8: waves: size: rest belongs to the last wave only"),
        ("[{name: a, size: 1}, {name: a, size: 1}]", "5:8: waves: each needs a name of its own"),
        ("{each: [{sise: 1}]}", '5:17: waves.each[0].sise: unknown key (did you mean "size"?)'),
        ("{sizes: [1], tolerence: 1}", '5:21: waves.tolerence: unknown key (did you mean "tolerance"?)'),
        ("{sizes: [1], verify: {eqaul: true}}", '5:30: waves.verify.eqaul: unknown key (did you mean "equal"?)'),
        (
            '{sizes: [1], verify: {command: "\'"}}',
            "5:39: waves.verify.command: cannot be read as a command: No closing quotation",
        ),
        ("{sizes: [1], verify: {errors: -1}}", "5:38: waves.verify.errors: must be at least 0"),
    ],
)
def test_what_waves_may_not_say(written: str, problem: str) -> None:
    assert lines(with_line(f"waves: {written}")) == [f"error: r.yaml:{problem}"]
