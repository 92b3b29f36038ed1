"""A fault in an answer, what it means to each of the six calls, and the short ways to make one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.integrator.raw import Reply, Then, answer
from tests.integrator.six import Call, Means

Replies: TypeAlias = Callable[[Call, str], Sequence[Reply]]
"""Makes the answers to a call; the text is the address of another host."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a server answers, what it means, and `but` what it means to the calls that take it otherwise.

    A read whose outcome is unknown is tried again until the tries are used up; `pages` is how often a list asks where
    it is not that.
    """

    name: str
    replies: Replies
    means: Means
    but: Mapping[str, Means] = field(default_factory=dict)
    pages: int | None = None

    def to(self, call: Call) -> Means:
        return self.but.get(call.name, self.means)

    def requests(self, call: Call, tries: int) -> int:
        """Return how many requests of a call arrive."""
        if call.name == "list" and self.pages is not None:
            return self.pages
        return tries if self.to(call) is Means.UNKNOWN and not call.stamped else 1


def fault(name: str, reply: Reply, means: Means = Means.UNKNOWN, **but: Means) -> Fault:
    """Return a fault that is the same bytes for all calls."""
    return Fault(name, lambda _call, _elsewhere: [reply], means, but)


def redirect(status: int) -> Fault:
    """Return a redirect to another host, with a body that would be right."""
    return Fault(
        f"{status} to another host",
        lambda call, elsewhere: [answer(status, call.right, f"Location: {elsewhere}/v1/flows/{call.id}")],
        Means.REDIRECTED,
    )


def body(name: str, content: Callable[[Call], bytes], means: Means = Means.UNKNOWN, **but: Means) -> Fault:
    """Return a fault of the body alone, made of the right one."""
    return Fault(name, lambda call, _: [answer(200, content(call))], means, but)


def instead(name: str, content: bytes, means: Means = Means.UNKNOWN, **but: Means) -> Fault:
    """Return a fault of the body alone, whatever is asked for."""
    return fault(name, answer(200, content), means, **but)


def headed(name: str, header: str, means: Means = Means.DONE, status: int = 200) -> Fault:
    """Return a fault of a header above the right body; `{}` is the address of another host."""
    return Fault(name, lambda call, elsewhere: [answer(status, call.right, header.format(elsewhere))], means)


def coded(name: str, coding: str, encode: Callable[[bytes], bytes], means: Means = Means.UNKNOWN) -> Fault:
    """Return a fault of the content's coding."""
    return Fault(name, lambda call, _: [answer(200, encode(call.right), f"Content-Encoding: {coding}")], means)


def framed(name: str, reply: Callable[[bytes], Reply], means: Means = Means.UNKNOWN) -> Fault:
    """Return a fault of the frame around the right body."""
    return Fault(name, lambda call, _: [reply(call.right)], means)


def paged(name: str, link: str, then: Callable[[Call], Sequence[Reply]], means: Means, asked: int) -> Fault:
    """Return a fault of the pages after the first; to all other calls the link says nothing."""
    return Fault(
        name,
        lambda call, elsewhere: [answer(200, call.right, f"Link: {link.format(elsewhere)}"), *then(call)],
        Means.DONE,
        {"list": means},
        asked,
    )


def sized(content: bytes, *lines: str) -> bytes:
    """Return an answer with a length and more lines above the content."""
    return answer(200, content, *lines).content


def closing(content: bytes) -> Reply:
    """Return bytes after which the connection is closed."""
    return Reply(content, Then.CLOSE)
