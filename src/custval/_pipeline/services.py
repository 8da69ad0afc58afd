"""Which services a row holds: what yes, no and any other word mean in a service column.

``Yes``, ``1`` and the like are the service itself; ``No``, ``0``, blank and phrases that begin with "no " ("No internet
service") are its absence; any other word is a service of its own, ``InternetService = DSL``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from custval._core.errors import InputError
from custval._core.typing import BoolArray, TextArray
from custval._pipeline.cells import NO, YES, as_text
from custval._pipeline.profile import MAX_LEVELS, ColumnProfile

__all__ = ("ServiceReader", "held_cell", "held_words")


def held_cell(cell: str | None) -> bool | str:
    """Return True (held), False (not held) or the word that names a service of its own."""
    if cell is None:
        return False
    word = cell.strip()
    folded = word.casefold()
    if folded in YES:
        return True
    return False if not folded or folded in NO or folded == "none" or folded.startswith("no ") else word


def held_words(words: TextArray) -> TextArray:
    """Return ``Yes`` where a cell says that the service is held, ``No`` elsewhere."""
    meaning = {word: "Yes" if held_cell(word) is True else "No" for word in set(words.tolist())}
    made = np.empty(len(words), dtype=object)
    made[:] = [meaning[word] for word in words.tolist()]
    return made


class ServiceReader:
    """Turns service columns into one boolean column for each service."""

    def __init__(self, columns: Mapping[str, ColumnProfile], services: Sequence[str]) -> None:
        self.items: list[str] = []
        self._position: dict[tuple[str, bool | str], int] = {}
        self._services = list(services)
        for name in services:
            self._learn(columns[name])

    def _learn(self, column: ColumnProfile) -> None:
        if column.crowded:
            raise InputError(
                f"service column {column.name!r} has more than {MAX_LEVELS} different values; a service "
                "column says yes or no, "
                "or which one of a few"
            )
        for level in sorted(column.levels):
            held = held_cell(level)
            if held is False or (column.name, held) in self._position:
                continue
            self._position[column.name, held] = len(self.items)
            self.items.append(column.name if held is True else f"{column.name} = {held}")

    def read(self, block: Mapping[str, TextArray]) -> BoolArray:
        """Return who holds what, shape (n, items)."""
        import pandas as pd

        n = len(next(iter(block.values())))
        held = np.zeros((n, len(self.items)), dtype=bool)
        for name in self._services:
            codes, distinct = pd.factorize(as_text(block[name]), use_na_sentinel=True)
            for code, word in enumerate(distinct):
                position = self._position.get((name, held_cell(word)))
                if position is not None:
                    held[codes == code, position] = True
        return held
