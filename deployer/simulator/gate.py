"""How fast one account may go: its shared bucket, caps per route, and requests at once."""

from math import ceil, isfinite

from deployer.simulator.bucket import Bucket
from deployer.simulator.knobs import Knobs
from deployer.simulator.world import Refused

LONGEST_WAIT = 900


class Gate:
    """Admit one account's requests."""

    def __init__(self, knobs: Knobs, now: float) -> None:
        """Start full; somebody else's traffic is simply a slower refill."""
        refill = max(0.0, knobs.bucket_refill - knobs.other_traffic)
        self._bucket = Bucket(size=knobs.bucket_size, refill=refill, room=knobs.bucket_size, at=now)
        self._routes = {
            name: Bucket(size=max(1.0, rate), refill=rate, room=max(1.0, rate), at=now)
            for name, rate in knobs.route_rate.items()
        }
        self._concurrent = knobs.concurrent
        self._headers = knobs.rate_headers
        self._size = knobs.bucket_size
        self.inside = 0

    def admit(self, route: str, now: float) -> None:
        """Take a token, or refuse with 429 and the whole seconds to wait."""
        wait = self._bucket.take(now)
        if not wait and route in self._routes:
            wait = self._routes[route].take(now)
        if not wait and self._concurrent and self.inside >= self._concurrent:
            wait = 1.0
        if wait:
            seconds = ceil(wait) if isfinite(wait) else LONGEST_WAIT
            headers = {"Retry-After": str(seconds), **self.headers()}
            raise Refused(429, "rate_limited", f"too many requests; try again in {seconds} s", headers=headers)

    def headers(self) -> dict[str, str]:
        """Tell limit and room, where the knob says that integrator.io does."""
        if not self._headers:
            return {}
        return {"X-RateLimit-Limit": str(self._size), "X-RateLimit-Remaining": str(int(self._bucket.room))}
