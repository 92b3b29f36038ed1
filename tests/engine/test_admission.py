"""Who may begin in a wave: over thousands of schedules, never more fail than the plan says can."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.domain.deployment import Deployment, Step
from deployer.domain.lifecycle import State, StepKind
from deployer.domain.waves import Wave, blast_radius
from deployer.engine.admission import Admission
from tests.factories import deployment

WAVES = st.lists(
    st.builds(Wave, st.just("w"), st.integers(1, 12), st.integers(1, 8), st.integers(0, 4)), min_size=1, max_size=4
)


def ended(state: State) -> Deployment:
    return deployment(Step(StepKind.CLONE, state))


WELL, FAILED, UNKNOWN, STALE = map(ended, (State.DONE, State.FAILED, State.UNKNOWN, State.CANCELLED))


class Life:
    """One process's share of a wave: it begins and ends tenants, and may die between."""

    def __init__(self, wave: Wave, chance: Random, *, strict: bool) -> None:
        self.wave, self.chance, self.strict = wave, chance, strict
        self.waiting, self.flying, self.failed = wave.size, 0, 0
        self.admission = self._started()

    def _started(self) -> Admission:
        return Admission(self.wave, strict=self.strict, failed=self.failed, begun=self.flying)

    def go(self) -> None:
        """Go on until nobody flies and nobody may begin."""
        while True:
            if self.chance.random() < 0.1:
                self.admission = self._started()  # killed, and started again from what the journal knows
            if self.waiting and (not self.flying or self.chance.random() < 0.7) and self.admission.admits():
                self.waiting, self.flying = self.waiting - 1, self.flying + 1
            elif self.flying:
                self._end()
            else:
                return

    def _end(self) -> None:
        self.flying -= 1
        outcome = self.chance.choice([WELL, FAILED, UNKNOWN, STALE])
        self.failed += outcome in (FAILED, UNKNOWN)
        self.admission.rested(outcome)


def failures(waves: list[Wave], chance: Random, *, strict: bool) -> int:
    everywhere = 0
    for wave in waves:
        life = Life(wave, chance, strict=strict)
        life.go()
        everywhere += life.failed
        if life.admission.is_broken:
            break
        assert not life.waiting  # whoever may begin does, in the end
    return everywhere


@settings(max_examples=400)
@given(WAVES, st.booleans(), st.integers(0, 2**32))
def test_never_more_fail_than_the_plan_says_whatever_fails_and_whenever_the_process_dies(
    waves: list[Wave], strict: bool, seed: int
) -> None:
    chance = Random(seed)
    worst = max(failures(waves, chance, strict=strict) for _ in range(20))
    assert worst <= blast_radius(waves, strict=strict)


@pytest.mark.parametrize(("strict", "most"), [(True, 2), (False, 5)])
def test_all_that_may_fail_can_fail(strict: bool, most: int) -> None:
    wave = Wave("w", 20, 4, 1)
    admission, flying, failed = Admission(wave, strict=strict), 0, 0
    while True:
        while admission.admits():
            flying += 1
        if not flying:
            break
        admission.rested(FAILED)
        flying, failed = flying - 1, failed + 1
    assert failed == most == blast_radius([wave], strict=strict)


def test_without_a_wave_everybody_may_begin() -> None:
    admission = Admission(None, strict=False)
    for _ in range(1000):
        assert admission.admits()
        admission.rested(FAILED)
    assert not admission.is_over
