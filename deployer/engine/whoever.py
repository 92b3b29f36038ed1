"""Who is at work."""

import getpass
import os
import socket


def whoever() -> str:
    """Return who is at work, and where; in a container the user may have no name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
