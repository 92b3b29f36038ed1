"""Commands of ours as a person types them."""

import shlex


def typed(verb: str, what: object, *words: str) -> str:
    """Return a command to type: about a manifest or a tenant, whose name may have to be quoted."""
    return " ".join(["deployer", verb, shlex.quote(str(what)), *words])
