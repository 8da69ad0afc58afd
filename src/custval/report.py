"""How does a manager read it? The whole analysis as one self-contained HTML page.

``html_report`` returns the page as text, ``write_report`` writes it to a file. The page needs no network, no script
and no plotting library; it adapts to phones, to dark mode and to paper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ("html_report", "write_report")

if TYPE_CHECKING:
    from custval._report.page import html_report, write_report
else:
    from custval._core.doors import open_door

    __getattr__, __dir__ = open_door(__name__, {"html_report": "_report.page", "write_report": "_report.page"})
