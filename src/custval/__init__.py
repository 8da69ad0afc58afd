"""custval: the customer-value layer for telecom.

Raw records become a customer view; the view becomes how long each customer will stay and why they will leave, what
each is worth, who is alike, what goes together, and at last whom to contact, with what offer, at what expected profit.

Each door is imported on first use: ``custval.survival``, ``custval.clv``, ``custval.segments``, ``custval.assoc``,
``custval.retention``, ``custval.metrics``, ``custval.cdr``, ``custval.synth``, ``custval.pipeline``,
``custval.artifact``, ``custval.plots``, ``custval.report``. The errors and warnings that all doors share are here:
``custval.InputError`` and its kin.
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False  # type checkers take it as true; importing typing would be most of the cost of this import

__all__ = (
    "ConvergenceWarning",
    "CustvalError",
    "DataWarning",
    "InputError",
    "MissingExtraError",
    "NotFittedError",
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
    )
    from custval import (
        assoc as assoc,
    )
    from custval import (
        cdr as cdr,
    )
    from custval import (
        clv as clv,
    )
    from custval import (
        metrics as metrics,
    )
    from custval import (
        pipeline as pipeline,
    )
    from custval import (
        plots as plots,
    )
    from custval import (
        report as report,
    )
    from custval import (
        retention as retention,
    )
    from custval import (
        segments as segments,
    )
    from custval import (
        survival as survival,
    )
    from custval import (
        synth as synth,
    )
    from custval._core.errors import (
        ConvergenceWarning,
        CustvalError,
        DataWarning,
        InputError,
        MissingExtraError,
        NotFittedError,
    )
else:

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'custval' has no attribute {name!r}")
        from importlib import import_module

        # doors are written in lower case, the shared errors and warnings are classes
        return (
            import_module(f"custval.{name}") if name.islower() else getattr(import_module("custval._core.errors"), name)
        )

    def __dir__() -> list[str]:
        return sorted((*__all__, "__version__"))
