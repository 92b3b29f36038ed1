"""The mapping of a template's connections to a tenant's own."""

from collections.abc import Mapping

import pytest

from deployer.domain.connections import map_connections
from tests.factories import snapshot, template

HERE = {"source01": "Shop", "target01": "acme shop", "target02": "acme bank", "twin0001": "twin", "twin0002": "twin"}


def mapped(wanted: Mapping[str, str], *used: str) -> dict[str, str] | str:
    return map_connections(wanted, snapshot(of=template(connections=used), connections=HERE))


@pytest.mark.parametrize(
    ("target", "found"),
    [("target01", "target01"), ("acme bank", "target02"), ("keep", "source01"), ("twin0002", "twin0002")],
)
def test_a_target_is_an_id_a_unique_name_or_keep(target: str, found: str) -> None:
    assert mapped({"source01": target}, "source01") == {"source01": found}


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({}, "connection source01 is used by the template but not mapped; map it to another, or to keep"),
        ({"source01": "acme shp"}, 'connection "acme shp" not found; did you mean "acme shop"?'),
        ({"source01": "zzz"}, 'connection "zzz" not found'),
        ({"source01": "twin"}, 'connection name "twin" is not unique; give its id'),
    ],
)
def test_what_cannot_be_mapped_is_explained(wanted: dict[str, str], reason: str) -> None:
    assert mapped(wanted, "source01") == reason


def test_a_connection_to_keep_has_to_be_there() -> None:
    assert mapped({"gone0001": "keep"}, "gone0001") == 'connection "gone0001" not found'


def test_only_what_the_template_uses_is_mapped() -> None:
    assert mapped({"source01": "keep", "unused01": "nowhere"}, "source01") == {"source01": "source01"}
    assert mapped({"unused01": "nowhere"}) == {}
