"""What the pages beside the README tell is done, and comes out as they say."""

import xlsxwriter

from tests.cli.firing import just_now
from tests.docs.pages import ROOT, blocks, typed
from tests.docs.parsing import calls
from tests.engine.stage import Stage

CI, TENANTS = ROOT / "docs" / "ci.md", ROOT / "docs" / "tenants.md"


def test_what_another_ci_types_works_and_says_by_its_code_what_came_of_it(stage: Stage) -> None:
    stage.manifest["schedules"] = {"nightly": just_now(do="drift")}
    codes = []
    for block in blocks(CI, "console"):
        for each in typed(block):
            if each.command.startswith("deployer"):
                [words] = calls(each.command)
                codes.append(stage.run(*words).code)
    assert codes == [0, 2, 0, 0]
    assert {"plan.md", "rollout.xml", "events.jsonl"} <= {path.name for path in stage.directory.iterdir()}


def test_the_error_of_a_cell_is_the_one_that_is_shown(stage: Stage) -> None:
    [shown] = [block.text for block in blocks(TENANTS, "") if block.text.startswith("error: ")]
    stage.manifest["tenants"] = {"file": "tenants.xlsx", "sheet": "Customers"}
    stage.write()
    with xlsxwriter.Workbook(stage.directory / "tenants.xlsx") as book:
        page = book.add_worksheet("Customers")
        page.write_row(0, 0, ["tenant", "account", "integration"])
        page.write_row(6, 0, ["acme", "acme-us", 598e21])
    assert stage.run("validate").err == shown
