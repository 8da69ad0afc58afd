"""Progress of long work, shown only if asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self, TypeVar

__all__ = ("Stages", "track")

Item = TypeVar("Item")


def track(items: Iterable[Item], *, progress: bool, label: str, total: int | None = None) -> Iterator[Item]:
    """Yield `items`, with a bar on the error stream if `progress`; nothing is imported otherwise."""
    if not progress:
        yield from items
        return
    from tqdm.auto import tqdm

    yield from tqdm(items, desc=label, total=total, leave=False)


class Stages:
    """A bar over named stages of unequal length; silent unless asked."""

    def __init__(self, names: Sequence[str], *, progress: bool) -> None:
        self._names = list(names)
        self._progress = progress
        self._bar: Any = None

    def __enter__(self) -> Self:
        """Show the bar."""
        if self._progress:
            from tqdm.auto import tqdm

            shape = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}]"
            self._bar = tqdm(total=len(self._names), bar_format=shape, leave=False)
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()

    def next(self, name: str) -> None:
        """Say that the stage `name` begins."""
        if self._bar is not None:
            self._bar.n = self._names.index(name)
            self._bar.set_description(name)
