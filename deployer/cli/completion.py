"""`deployer completion`: what makes a shell complete commands, options, tenants and rollouts."""

from typing import Final

import click

from deployer.cli.options import command

_USE: Final = {
    "bash": "deployer completion bash > ~/.local/share/bash-completion/completions/deployer",
    "zsh": "deployer completion zsh > ~/.zfunc/_deployer    # with fpath+=~/.zfunc before compinit in ~/.zshrc",
    "fish": "deployer completion fish > ~/.config/fish/completions/deployer.fish",
}

_NOW: Final = {
    "bash": 'eval "$(deployer completion bash)"',
    "zsh": 'eval "$(deployer completion zsh)"',
    "fish": "deployer completion fish | source",
}


@command(
    "deployer completion bash > ~/.local/share/bash-completion/completions/deployer",
    'eval "$(deployer completion zsh)"   # in this shell only',
    "deployer completion fish | source",
)
@click.argument("shell", type=click.Choice(list(_USE)))
def completion(*, shell: str) -> None:
    """Print the completion script for SHELL; its first lines say where to put it."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:  # click knows all three
        raise LookupError(shell)
    root = click.get_current_context().find_root()
    script = kind(root.command, {}, "deployer", "_DEPLOYER_COMPLETE").source().strip()
    comment = f"# Put this to use, once:\n#   {_USE[shell]}\n# In this shell only:\n#   {_NOW[shell]}"
    first, rest = script.split("\n", 1)
    lines = [first, comment, rest] if first.startswith("#compdef") else [comment, script]
    click.echo("\n".join(lines))
