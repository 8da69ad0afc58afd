"""Draw the picture of the README from a simulated operator.

Run ``python examples/picture.py docs/_static/quadrants.png``; it takes some seconds.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure

from custval.pipeline import Analysis, QuadrantPoints, demo
from custval.plots import plot_quadrants, plot_survival


def thinned(points: QuadrantPoints, most: int = 1200) -> QuadrantPoints:
    """Return at most some `most` of the points: enough to see the shape, little enough to load."""
    keep = slice(None, None, max(1, len(points.current) // most))
    return replace(
        points, current=points.current[keep], potential=points.potential[keep], quadrant=points.quadrant[keep]
    )


def draw(analysis: Analysis) -> Figure:
    """Return the quadrants beside the survival curves."""
    figure = Figure(figsize=(13, 5.4), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    value = analysis.value
    assert value is not None
    assert analysis.quadrant_points is not None
    plot_quadrants(thinned(analysis.quadrant_points), analysis.quadrants, currency=value.currency, ax=left)
    plot_survival(analysis.survival, ax=right)
    figure.get_layout_engine().set(wspace=0.04, w_pad=0.1, h_pad=0.1)
    return figure


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "quadrants.png")
    target.parent.mkdir(parents=True, exist_ok=True)
    draw(demo(n_subscribers=6000)).savefig(target, dpi=100)
