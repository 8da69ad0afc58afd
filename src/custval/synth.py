"""What would the records look like if we knew the truth behind them?

``TelecomWorld(...).simulate()`` makes a ``World``: every table an operator has, and the ``Truth`` that drives it -
hazards by month and cause, true values, planted rules and effects of offers. ``calibration_report`` says how near a
world comes to the published figures of the field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ("Calibration", "TelecomWorld", "Truth", "World", "calibration_report")

if TYPE_CHECKING:
    from custval._synth.calibration import Calibration, calibration_report
    from custval._synth.truth import Truth
    from custval._synth.world import TelecomWorld, World
else:
    from custval._core.doors import open_door

    __getattr__, __dir__ = open_door(
        __name__,
        {
            "Calibration": "_synth.calibration",
            "TelecomWorld": "_synth.world",
            "Truth": "_synth.truth",
            "World": "_synth.world",
            "calibration_report": "_synth.calibration",
        },
    )
