"""A pool of workers on one iterator: never a task per item."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import anyio

T = TypeVar("T")


async def each(items: Iterable[T], work: Callable[[T], Awaitable[None]], *, workers: int) -> None:
    """Do `work` for every item, `workers` at a time; the first error ends it."""
    source = iter(items)

    async def serve(first: T) -> None:
        await work(first)
        for item in source:
            await work(item)

    async with anyio.create_task_group() as group:
        for _, first in zip(range(workers), source, strict=False):  # in this order, nothing is taken that is not done
            group.start_soon(serve, first)
