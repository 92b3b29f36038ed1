"""Completion as bash asks for it: it parts words at `=`, and puts what is suggested in place of the last part alone."""

import re

from click.shell_completion import BashComplete, CompletionItem, add_completion_class

from deployer.cli.completing import joined


class Joining(BashComplete):
    """Joins the words that bash parted, and suggests what is to stand behind the last `=`."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one that is completed, and that one."""
        args, incomplete = super().get_completion_args()
        *before, word = joined([*args, incomplete])
        self._ahead = re.sub(r"^--[\w-]+=", "", word).rpartition("=")
        return before, word

    def format_completion(self, item: CompletionItem) -> str:
        """Return a line of the answer."""
        key, equals, _ = self._ahead
        return f"{item.type},{item.value.removeprefix(key + equals)}"


def register() -> None:
    """Have click complete so."""
    add_completion_class(Joining, "bash")
