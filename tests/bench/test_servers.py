"""An unknown limit is found and used, whatever kind of server sets it."""

from statistics import mean

import pytest

from tests.bench.servers import rows


@pytest.mark.parametrize("told", [True, False], ids=["with Retry-After", "without"])
def test_every_kind_of_server_is_used_well_and_seldom_refuses(told: bool) -> None:
    table = rows(told=told)
    assert mean(row.efficiency for row in table) >= 0.95, table
    assert min(row.efficiency for row in table) >= 0.80, table
    assert mean(row.throttled_per_1000 for row in table) <= 15, table
