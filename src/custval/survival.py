"""How long will customers stay, and why do they leave?"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ("survival_target",)

if TYPE_CHECKING:
    from custval._survival.target import survival_target
else:
    from custval._core.doors import open_door

    __getattr__, __dir__ = open_door(__name__, {"survival_target": "_survival.target"})
