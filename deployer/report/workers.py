"""Workers, as people read of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from deployer.report.text import plain

_SILENT = 15.0  # seconds after which it is said for how long nothing was heard


def workers_text(workers: Mapping[str, Any]) -> str:
    """Return a line of the workers, and one an account that is worked on or waits."""
    return "".join(f"{line}\n" for line in _lines(workers))


def _lines(workers: Mapping[str, Any]) -> Iterator[str]:
    alive = workers["alive"]
    noun = "worker is" if alive == 1 else "workers are"
    yield f"{alive or 'no'} {noun} alive" + ("" if alive else ": start one with deployer worker")
    for one in workers["accounts"]:
        silent = one["silent_seconds"] or 0.0
        heard = f", silent for {silent:.0f} s" if silent > _SILENT else ""
        said = f"{plain(one['worker'])}{heard}" if one["worker"] else f"{one['place']}. in the queue"
        yield f"  {plain(one['account'])}: {said}"
