"""The most memory that this process has held so far."""

from __future__ import annotations

import sys

__all__ = ("peak_memory_mb",)


def peak_memory_mb() -> float | None:
    """Return the peak resident memory in MiB, or None where the platform does not tell."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
