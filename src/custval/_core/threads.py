"""One thread for small products of matrices: with all cores busy, more threads make them many times slower."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

__all__ = ("one_thread",)


def one_thread() -> Any:
    """Return a context in which BLAS uses one thread; without threadpoolctl one that changes nothing."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    return threadpool_limits(limits=1, user_api="blas")
