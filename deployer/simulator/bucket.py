"""The leaky bucket that every token of an account shares."""

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """Hold up to `size` requests' worth of room, refilled at `refill` a second."""

    size: float
    refill: float
    room: float
    at: float

    def take(self, now: float) -> float:
        """Admit one request (0.0), or tell in how many seconds one would be admitted."""
        elapsed = max(0.0, now - self.at)
        self.room = min(self.size, self.room + elapsed * self.refill)
        self.at = now
        if self.room >= 1:
            self.room -= 1
            return 0.0
        return (1 - self.room) / self.refill if self.refill else float("inf")
