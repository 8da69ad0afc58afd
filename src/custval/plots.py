"""How does it look? Pictures of results on matplotlib axes.

``plot_survival``
    How long do customers stay, by group?
``plot_incidence``
    Through which cause do they leave, and when?
``plot_calibration``
    Do as many leave as was forecast?
``plot_value``
    How is value spread over the customers?
``plot_lorenz``
    How concentrated is it?
``plot_quadrants``
    Where do customers stand between current and potential value?
``plot_rules``
    Which services go together?

Each takes a result and, optionally, the axes to draw on; without them a new figure is made, which is
``axes.figure``: ``plot_lorenz(curve).figure.savefig("lorenz.png")``. Needs ``pip install 'custval[plots]'``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = (
    "plot_calibration",
    "plot_incidence",
    "plot_lorenz",
    "plot_quadrants",
    "plot_rules",
    "plot_survival",
    "plot_value",
)

if TYPE_CHECKING:
    from custval._plots.calibration import plot_calibration
    from custval._plots.curves import plot_incidence, plot_survival
    from custval._plots.quadrants import plot_quadrants
    from custval._plots.rules import plot_rules
    from custval._plots.value import plot_lorenz, plot_value
else:
    from custval._core.doors import open_door

    __getattr__, __dir__ = open_door(
        __name__,
        {
            "plot_calibration": "_plots.calibration",
            "plot_incidence": "_plots.curves",
            "plot_lorenz": "_plots.value",
            "plot_quadrants": "_plots.quadrants",
            "plot_rules": "_plots.rules",
            "plot_survival": "_plots.curves",
            "plot_value": "_plots.value",
        },
    )
