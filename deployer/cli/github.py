"""Annotations, where a runner of GitHub Actions reads what is printed."""

from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex

import click

from deployer.errors import DeployerError, ManifestError
from deployer.report.annotations import annotation, of_problems, silence
from deployer.report.text import plain


@contextmanager
def annotating() -> Iterator[list[str]]:
    """Collect annotations while a command runs, and print them after it: what it prints meanwhile commands nothing."""
    begin, end = silence(token_hex(16))
    notes: list[str] = []
    click.echo(begin, err=True)
    try:
        yield notes
    finally:
        click.echo("\n".join([end, *notes]), err=True)


def of_error(error: BaseException) -> Iterator[str]:
    """Yield an annotation for each problem of a manifest, or one for any other error of the user's."""
    match error:
        case ManifestError():
            yield from of_problems(error.problems)
        case DeployerError():
            said = [plain(error.what), *map(plain, (error.remedy or "").split("\n"))]
            yield annotation("error", "\n".join(filter(None, said)), title="deployer")
        case BaseExceptionGroup():
            yield from of_error(error.exceptions[0])
        case _:
            pass
