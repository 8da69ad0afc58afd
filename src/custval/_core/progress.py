"""Progress of long work, shown only if asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

__all__ = ("track",)

Item = TypeVar("Item")


def track(items: Iterable[Item], *, progress: bool, label: str, total: int | None = None) -> Iterator[Item]:
    """Yield `items`, with a bar on the error stream if `progress`; nothing is imported otherwise."""
    if not progress:
        yield from items
        return
    from tqdm.auto import tqdm

    yield from tqdm(items, desc=label, total=total, leave=False)
