"""What turns the tables of an older version into those of the next, in either database; a new one is made whole."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from deployer.errors import JournalError

VERSION: Final = 10
OLDEST: Final = 5

_ADMISSION = """
    CREATE TABLE admission (
        rollout TEXT{0} NOT NULL, place INTEGER NOT NULL, wave INTEGER NOT NULL, PRIMARY KEY (rollout, place)
    )
"""
_CLAIM = """
    CREATE TABLE claim (
        account TEXT{0} PRIMARY KEY, epoch BIGINT NOT NULL, holder TEXT{0} NOT NULL, place TEXT{0} NOT NULL,
        pid BIGINT NOT NULL, beat TIMESTAMPTZ
    )
"""
_SCHEDULES: Final = (
    """
    CREATE TABLE schedule (
        rollout TEXT COLLATE "C" NOT NULL, name TEXT COLLATE "C" NOT NULL, body TEXT COLLATE "C" NOT NULL,
        checksum BIGINT NOT NULL, PRIMARY KEY (rollout, name)
    )
    """,
    """
    CREATE TABLE firing (
        rollout TEXT COLLATE "C" NOT NULL, schedule TEXT COLLATE "C" NOT NULL, local TEXT COLLATE "C" NOT NULL,
        due TEXT COLLATE "C" NOT NULL, state TEXT COLLATE "C" NOT NULL, body TEXT COLLATE "C" NOT NULL,
        checksum BIGINT NOT NULL, PRIMARY KEY (rollout, schedule, local)
    )
    """,
    "CREATE INDEX firing_by_due ON firing (rollout, due)",
    "CREATE INDEX firing_open ON firing (state) WHERE state IN ('due', 'running')",
)
_SAMPLE = (
    """
    CREATE TABLE sample (
        number {0}, rollout TEXT{1} NOT NULL REFERENCES rollout (id), account TEXT{1} NOT NULL, at TEXT{1} NOT NULL,
        body TEXT{1} NOT NULL, checksum {2} NOT NULL
    )
    """,
    "CREATE INDEX sample_by_rollout ON sample (rollout, number)",
)
_BY_WAVE = "CREATE INDEX admission_by_wave ON admission (rollout, wave)"
_SQLITE: Final[Mapping[int, Sequence[str]]] = {
    6: (_ADMISSION.format(""), _BY_WAVE),
    7: (),
    8: (),
    9: [each.format("INTEGER PRIMARY KEY", "", "INTEGER") for each in _SAMPLE],
    10: (),  # seals of secrets, which an older deployer would send as if they were values
}
_PART = """
    CREATE TABLE part (
        rollout TEXT{0} NOT NULL REFERENCES rollout (id), wave INTEGER NOT NULL, account TEXT{0} NOT NULL,
        cause TEXT{0} NOT NULL, PRIMARY KEY (rollout, wave, account)
    )
"""
_COLLATED: Final = ' COLLATE "C"'
_POSTGRES: Final[Mapping[int, Sequence[str]]] = {
    6: (_ADMISSION.format(_COLLATED), _BY_WAVE, _CLAIM.format(_COLLATED)),
    7: (_PART.format(_COLLATED),),
    8: _SCHEDULES,
    9: [each.format("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", _COLLATED, "BIGINT") for each in _SAMPLE],
    10: (),
}


def to_come(version: int, where: object, *, postgres: bool = False) -> Iterator[str]:
    """Yield the statements that bring tables up to date; raise JournalError for a version that is not known."""
    if not OLDEST <= version <= VERSION:
        age = "a newer" if version > VERSION else "an older"
        raise JournalError(
            f"{where} was written by {age} deployer (schema {version}, this one knows {VERSION})",
            remedy="install that version; this one would not understand what it reads",
        )
    for number in range(version + 1, VERSION + 1):
        yield from (_POSTGRES if postgres else _SQLITE)[number]
