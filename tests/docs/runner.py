"""A runner of GitHub's, as far as our workflows need one: their steps are carried out, those of others stood in for."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from tests.docs.pages import ROOT

ACTION: Final[dict[str, Any]] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
OURS: Final = re.compile(r"OWNER/deployer@COMMIT")
_EXPRESSION: Final = re.compile(r"\$\{\{ ([^}]+) \}\}")
_PROGRAM: Final = '#!/bin/sh\nPYTHONPATH="{root}" exec "{python}" -P -m deployer "$@"\n'
# It answers like gh: with the id of the comment that is there, if any; what it is asked is written down.
_GH: Final = """#!/bin/sh
printf '%s\\n' "$*" >> "{log}"
case "$*" in *--paginate*) cat "{there}" ;; esac
"""


@dataclass
class Runner:
    """A machine of a job: `context` is what expressions refer to, by path; `secrets` are the repository's."""

    place: Path
    work: Path
    secrets: Mapping[str, str]
    context: dict[str, str] = field(default_factory=dict)
    said: str = ""

    def __post_init__(self) -> None:
        """Put deployer where the action's first step puts it, and something that answers like gh."""
        programs = self.place / "deployer" / "path"
        self.program(programs / "deployer", _PROGRAM.format(root=ROOT, python=sys.executable))
        self.program(programs / "gh", _GH.format(log=self.place / "gh.log", there=self.place / "there"))
        (self.place / "deployer" / "bin").mkdir()
        (self.place / "deployer" / "bin" / "python").symlink_to(sys.executable)
        (self.place / "there").touch()

    @staticmethod
    def program(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        path.chmod(0o755)

    def value(self, path: str) -> str:
        if path.startswith("secrets."):
            return self.secrets.get(path.removeprefix("secrets."), "")
        return self.context.get(path, "")

    def filled(self, text: object) -> str:
        return _EXPRESSION.sub(lambda found: self.value(found[1]), str(text))

    def holds(self, condition: str) -> bool:
        """Tell whether a condition of what our files use holds: terms that are all true."""
        return all(map(self._holds, condition.split(" && ")))

    def _holds(self, term: str) -> bool:
        if compared := re.fullmatch(r"([\w.-]+) (==|!=) '([^']*)'", term):
            return (self.value(compared[1]) == compared[3]) == (compared[2] == "==")
        return term == "always()" or bool(self.value(term))

    def job(self, workflow: Mapping[str, Any], name: str) -> int:
        """Carry a job out, and return the exit code of its last step; a failed one ends it."""
        job = workflow["jobs"][name]
        if not self.holds(job.get("if", "always()")):
            return -1
        environment = {**workflow.get("env", {}), **job.get("env", {})}
        for step in job["steps"]:
            if code := self.step(step, environment):
                return code
        for output, expression in job.get("outputs", {}).items():
            self.context[f"needs.{name}.outputs.{output}"] = self.filled(expression)
        return 0

    def step(self, step: Mapping[str, Any], environment: Mapping[str, str]) -> int:
        given = {key: self.filled(text) for key, text in step.get("with", {}).items()}
        match step.get("uses", "").partition("@")[0]:
            case "":
                return self.shell(step, environment, "")
            case "OWNER/deployer":
                return self.action(given, environment, step.get("id", "deployer"))
            case "actions/upload-artifact":
                shutil.copytree(self.work / given["path"], self.place / "artifacts" / given["name"], dirs_exist_ok=True)
            case "actions/download-artifact":
                shutil.rmtree(self.work / given["path"])
                shutil.copytree(self.place / "artifacts" / given["name"], self.work / given["path"])
            case other:
                assert other in {"actions/checkout", "actions/setup-python"}
        return 0

    def action(self, given: Mapping[str, str], environment: Mapping[str, str], id_: str) -> int:
        """Carry our action out as a step."""
        defaults = {name: self.filled(each.get("default", "")) for name, each in ACTION["inputs"].items()}
        assert given.keys() <= defaults.keys()
        inputs = {f"inputs.{name}": text for name, text in {**defaults, **given}.items()}
        self.context |= {**inputs, "github.action_path": str(ROOT)}
        code = 0
        for step in ACTION["runs"]["steps"]:
            condition = step.get("if", "always()")
            if (not code or "always()" in condition) and self.holds(condition) and "run" in step:
                code = self.shell(step, environment, step.get("id", "")) or code
        for name, output in ACTION["outputs"].items():
            self.context[f"steps.{id_}.outputs.{name}"] = self.filled(output["value"])
        return code

    def shell(self, step: Mapping[str, Any], environment: Mapping[str, str], id_: str) -> int:
        """Run a script as a runner does: bash, ended by the first error."""
        outputs = self.place / "output"
        outputs.write_text("")
        known = {key: self.filled(text) for key, text in {**environment, **step.get("env", {})}.items()}
        ended = subprocess.run(
            ["/usr/bin/env", "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.work,
            env={
                "PATH": f"{self.place / 'deployer' / 'path'}:{os.environ['PATH']}",
                "HOME": str(self.place),
                "CI": "true",
                "GITHUB_ACTIONS": "true",
                "GITHUB_REPOSITORY": "acme/rollouts",
                "RUNNER_TEMP": str(self.place),
                "GITHUB_PATH": str(self.place / "paths"),
                "GITHUB_OUTPUT": str(outputs),
                "GITHUB_STEP_SUMMARY": str(self.place / "summary.md"),
                **{key: text for key, text in known.items() if text},
            },
            capture_output=True,
            text=True,
            check=False,
        )
        self.said += ended.stdout + ended.stderr
        for line in outputs.read_text("utf-8").splitlines():
            name, _, text = line.partition("=")
            self.context[f"steps.{id_}.outputs.{name}"] = text
        return ended.returncode
