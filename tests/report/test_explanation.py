import json
from dataclasses import replace

import pytest

from deployer.domain.documents import MISSING
from deployer.domain.explanation import Explained, Named, Said
from deployer.report.explanation import explanation_document, explanation_text
from deployer.report.text import columns

ZONE = Explained(
    "timezone",
    "r.yaml:9:13",
    "${tenant.values.zone}",
    "Europe/Rome",
    "",
    (
        Named(
            "tenant.values.zone",
            "Europe/Rome",
            (
                Said("label ring=eu", "Europe/Rome", "r.yaml:6:26", counts=True),
                Said("top", None, "r.yaml:5:33", counts=False),
            ),
        ),
    ),
)
GONE = Explained("description", "r.yaml:10:16", "$unset", MISSING, "", ())
WRONG = Explained("name", "", "${env:X}", MISSING, "unknown name ${env:X}", (Named("env:X", MISSING, ()),))
TEXT = """\
timezone  "Europe/Rome"
  stated    "${tenant.values.zone}"    r.yaml:9:13
  tenant.values.zone    "Europe/Rome"
    * label ring=eu    "Europe/Rome"    r.yaml:6:26
      top              null    r.yaml:5:33
description  (not owned)
  stated    "$unset"    r.yaml:10:16
name  blocked: unknown name ${env:X}
  stated    "${env:X}"
  env:X    (none)"""


def test_an_explanation_reads_like_this() -> None:
    assert explanation_text([ZONE, GONE, WRONG], width=80) == TEXT


@pytest.mark.parametrize("width", [40, 60])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(columns, explanation_text([ZONE, GONE, WRONG], width=width).splitlines())) <= width


def test_a_document_tells_null_from_nothing() -> None:
    document = json.loads(json.dumps(explanation_document("acme", [ZONE, GONE, WRONG])))
    assert (document["format_version"], document["tenant"]) == (1, "acme")
    zone, gone, wrong = document["fields"]
    assert zone == {
        "field": "timezone",
        "where": "r.yaml:9:13",
        "stated": "${tenant.values.zone}",
        "owned": True,
        "value": "Europe/Rome",
        "problem": None,
        "names": [
            {
                "name": "tenant.values.zone",
                "found": True,
                "value": "Europe/Rome",
                "layers": [
                    {"layer": "label ring=eu", "value": "Europe/Rome", "where": "r.yaml:6:26", "counts": True},
                    {"layer": "top", "value": None, "where": "r.yaml:5:33", "counts": False},
                ],
            }
        ],
    }
    assert (gone["owned"], gone["value"]) == (False, None)
    assert (wrong["problem"], wrong["names"][0]["found"]) == ("unknown name ${env:X}", False)


def test_what_is_stated_is_read_to_its_end_where_the_terminal_has_room() -> None:
    stated = "Orders of ${tenant.values.name} in ${tenant.values.region}, ${tenant.name}"
    assert f'stated    "{stated}"' in explanation_text([replace(ZONE, stated=stated)], width=120)
    assert max(map(columns, explanation_text([replace(ZONE, stated=stated)], width=60).splitlines())) <= 60
