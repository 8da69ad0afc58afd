"""custval: the customer-value layer for telecom.

Raw records become a customer view; the view becomes how long each customer will stay and why they will leave, what
each is worth, who is alike, what goes together, and at last whom to contact, with what offer, at what expected profit.

Each door is imported on first use: ``custval.survival``, ``custval.clv``, ``custval.segments``, ``custval.assoc``,
``custval.retention``, ``custval.metrics``, ``custval.cdr``, ``custval.synth``, ``custval.pipeline``,
``custval.artifact``, ``custval.plots``, ``custval.report``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = (
    "artifact",
    "assoc",
    "cdr",
    "clv",
    "metrics",
    "pipeline",
    "plots",
    "report",
    "retention",
    "segments",
    "survival",
    "synth",
)

if TYPE_CHECKING:
    from custval import (
        artifact as artifact,
        assoc as assoc,
        cdr as cdr,
        clv as clv,
        metrics as metrics,
        pipeline as pipeline,
        plots as plots,
        report as report,
        retention as retention,
        segments as segments,
        survival as survival,
        synth as synth,
    )
else:

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'custval' has no attribute {name!r}")
        from importlib import import_module

        return import_module(f"custval.{name}")

    def __dir__() -> list[str]:
        return sorted((*__all__, "__version__"))
