"""Warnings become notes: what one call would say on the side, the report says where it is read."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from custval._core.errors import ConvergenceWarning, DataWarning
from custval._pipeline.analysis import Note

__all__ = ("noted",)


@contextmanager
def noted(subject: str, notes: list[Note]) -> Iterator[None]:
    """Turn the warnings about data and convergence of what happens inside into notes for the report, each once."""
    with warnings.catch_warnings(record=True) as seen:
        for category in (DataWarning, ConvergenceWarning):
            warnings.simplefilter("always", category)
        yield
    ours = [str(one.message) for one in seen if issubclass(one.category, (DataWarning, ConvergenceWarning))]
    notes.extend(Note(subject, 1, text) for text in dict.fromkeys(ours))
