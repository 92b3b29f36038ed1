"""What a release is made of is told in full, with the hashes that it is locked by."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_locked_dependency_is_in_the_list_with_its_hashes() -> None:
    told = subprocess.run([sys.executable, "scripts/sbom"], cwd=ROOT, check=True, capture_output=True, text=True)
    components = json.loads(told.stdout)["components"]
    locked = re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    assert {each["name"].lower() for each in components} == {name.lower() for name in locked}
    assert all(reference["hashes"] for each in components for reference in each["externalReferences"])
