"""Rows in the order of a window function, for the engine that needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ("in_order",)


def in_order(frame: nw.LazyFrame[Any], *by: str) -> nw.LazyFrame[Any]:
    """Return `frame` sorted by the columns of a window to come, on pandas; other engines sort within the window.

    pandas before 3 gives window functions over unsorted rows to the wrong rows, without a word.
    """
    return frame.sort(*by) if frame.implementation.is_pandas() else frame
