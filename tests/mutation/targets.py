"""Which modules are tried, and by which tests: those that are fast, and run in one process with the module."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Target:
    """A module and the tests that have to notice; `but` leaves out what is slow or starts other processes.

    Where it is `served`, all its mutants have one Postgres, which is there before the first.
    """

    path: str
    tests: tuple[str, ...]
    but: tuple[str, ...] = field(default=())
    served: bool = False

    @property
    def module(self) -> str:
        """Return the name that the module is imported by."""
        return self.path.removesuffix(".py").replace("/", ".")


def _domain(name: str, *more: str) -> Target:
    return Target(f"deployer/domain/{name}.py", (f"tests/domain/test_{name}.py", *more))


def _merging(name: str) -> Target:
    others = (other for other in ("merge3", "masking", "keyed", "arrays", "secrets") if other != name)
    return _domain(name, *(f"tests/domain/test_{other}.py" for other in others))


_SLOW: Final = ("postgres", "database", "one_by_one", "killed", "full_disk")  # nobody starts a Postgres for each mutant
TARGETS: Final = (
    Target("deployer/integrator/wire.py", ("tests/integrator/test_classify.py", "tests/integrator/test_wire.py")),
    _domain("outcome"),
    _domain("lifecycle"),
    _domain("moves"),
    _domain("deployment", "tests/domain/test_moves.py", "tests/domain/test_outcome.py"),
    _merging("merge3"),
    _merging("keyed"),
    _merging("arrays"),
    Target("deployer/domain/sealing.py", ("tests/domain/test_secrets.py",)),
    _domain("pacing"),
    _domain("adaptive", "tests/domain/test_adaptive_curves.py"),
    Target(
        "deployer/integrator/limiter.py",
        ("tests/integrator/test_crowd.py", "tests/integrator/test_limiter.py"),
        but=("busy",),
    ),
    Target("deployer/journal/checksums.py", ("tests/journal/test_rows.py",)),
    Target("deployer/journal/rows.py", ("tests/journal/test_rows.py",)),
    Target(
        "deployer/journal/entering.py",
        ("tests/journal/test_contract.py", "tests/journal/test_sqlite.py"),
        but=_SLOW,
    ),
    Target(
        "deployer/journal/queries.py",
        ("tests/journal/test_copies.py", "tests/journal/test_contract.py"),
        but=("postgres", "one_by_one"),
        served=True,
    ),
    Target("deployer/journal/pruning.py", ("tests/journal/test_pruning.py",), served=True),
    Target("deployer/journal/writer.py", ("tests/journal/test_writer.py",)),
    Target("deployer/journal/writers.py", ("tests/journal/test_writer.py",)),
    Target(
        "deployer/journal/reading.py", ("tests/journal/test_watched.py", "tests/journal/test_contract.py"), but=_SLOW
    ),
    Target(
        "deployer/journal/tables.py",
        tuple(
            f"tests/journal/test_{name}.py"
            for name in ("contract", "together", "samples", "paging", "watched", "pruning")
        ),
        but=_SLOW,
    ),
    Target(
        "deployer/journal/samples.py", ("tests/journal/test_samples.py", "tests/journal/test_watched.py"), but=_SLOW
    ),
    Target("deployer/journal/paging.py", ("tests/journal/test_paging.py",)),
    Target(
        "deployer/journal/watched.py",
        ("tests/journal/test_watched.py", "tests/journal/test_samples.py", "tests/journal/test_together.py"),
        but=_SLOW,
    ),
    Target("deployer/journal/lock.py", ("tests/journal/test_lock.py",)),
    Target("deployer/journal/migrations.py", ("tests/journal/test_migrations.py",), but=("database", "many_may_be")),
    Target("deployer/journal/claims.py", ("tests/journal/test_claiming.py",)),
)
PLANTED: Final = Target("tests/mutation/planted.py", ("tests/mutation/check_planted.py",))
