"""A host that nobody named: redirects, links and proxies lead to it, and nobody may come."""

import socket
from collections.abc import Mapping


class ForeignHost:
    """Listens, and answers nobody."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._port = int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """Return its address: by name, so that it is looked up."""
        return f"http://localhost:{self._port}"

    @property
    def proxies(self) -> Mapping[str, str]:
        """Return an environment whose every proxy it is."""
        return dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), self.url)

    def visits(self) -> int:
        """Count who came since it was last asked."""
        self._socket.setblocking(False)
        count = 0
        while True:
            try:
                visitor, _ = self._socket.accept()
            except BlockingIOError:
                return count
            visitor.close()
            count += 1

    def close(self) -> None:
        """Listen no longer."""
        self._socket.close()
