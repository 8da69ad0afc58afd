"""Draw the pictures of the README and of the guides from one simulated operator.

Run ``python examples/picture.py docs/_static``; it takes some seconds.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from custval.clv import AnnualRate, GeometricRetention, SecondLife, lifetime_value, payback_by_group
from custval.pipeline import Analysis, QuadrantPoints, demo
from custval.plots import (
    plot_components,
    plot_incidence,
    plot_lorenz,
    plot_payback,
    plot_quadrants,
    plot_rules,
    plot_survival,
    plot_value,
)
from custval.segments import lorenz_curve


def thinned(points: QuadrantPoints, most: int = 1200) -> QuadrantPoints:
    """Return at most some `most` of the points: enough to see the shape, little enough to load."""
    keep = slice(None, None, max(1, len(points.current) // most))
    return replace(
        points, current=points.current[keep], potential=points.potential[keep], quadrant=points.quadrant[keep]
    )


def blank(width: float, height: float) -> Figure:
    """Return an empty figure."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def quadrants(analysis: Analysis) -> Figure:
    """Return the quadrants beside the survival curves."""
    figure = blank(13, 5.4)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    assert analysis.value is not None
    assert analysis.quadrant_points is not None
    plot_quadrants(thinned(analysis.quadrant_points), analysis.quadrants, currency=analysis.value.currency, ax=left)
    plot_survival(analysis.survival, begin=analysis.survival_from, ax=right)
    figure.get_layout_engine().set(wspace=0.04, w_pad=0.1, h_pad=0.1)
    return figure


def incidence(analysis: Analysis) -> Figure:
    """Return the share that has left, cause by cause."""
    figure = blank(8, 4.4)
    plot_incidence(analysis.incidence, stacked=True, begin=analysis.incidence_from, ax=figure.subplots())
    return figure


def value(analysis: Analysis) -> Figure:
    """Return how many customers are worth how much."""
    figure = blank(8, 4.4)
    assert analysis.value is not None
    plot_value(analysis.value, ax=figure.subplots())
    return figure


def lorenz(analysis: Analysis) -> Figure:
    """Return how unequally value is spread over the customers."""
    figure = blank(6, 5)
    plot_lorenz(lorenz_curve(analysis.customers["lifetime_value"].to_numpy().clip(0)), ax=figure.subplots())
    return figure


def rules(analysis: Analysis) -> Figure:
    """Return the strongest rules between services."""
    figure = blank(10, 4.4)
    plot_rules(analysis.rules, top=8, ax=figure.subplots())
    return figure


def components(analysis: Analysis) -> Figure:
    """Return the parts of the value of a simulated base as steps; it is made here, the analysis is not needed."""
    del analysis
    rng = np.random.default_rng(0)
    model = GeometricRetention().fit(np.round(4000 * 0.98 ** np.arange(13)))
    worth = lifetime_value(
        model,
        np.zeros((3000, 1)),
        margin={"revenue": rng.gamma(9, 4, 3000), "interconnect": 3.0, "cost_to_serve": 6.0, "credit_loss": 0.7},
        horizon=24,
        monthly_discount=AnnualRate(0.10),
        retention_cost=0.8,
        loss_at_exit=40.0,
        second_lives=[
            SecondLife("left", margin=20.0, monthly_retention=0.96, probability=0.2, delay=2, name="won_back")
        ],
        cross_sell=20.0,
        currency="€",
    )
    figure = blank(8, 5)
    plot_components(worth, ax=figure.subplots())
    return figure


def payback(analysis: Analysis) -> Figure:
    """Return when customers of three channels have paid for themselves; made here too."""
    del analysis
    months = np.arange(1, 37)
    table = payback_by_group(
        np.vstack([0.955**months, 0.98**months, 0.97**months]),
        [24.0, 22.0, 17.0],
        ["dealer", "own shop", "web"],
        acquisition_cost=[180.0, 120.0, 60.0],
        monthly_discount=0.008,
    )
    figure = blank(8, 4.6)
    plot_payback(table, currency="€", ax=figure.subplots())
    return figure


PICTURES = (quadrants, incidence, value, lorenz, rules, components, payback)


def main(folder: Path, subscribers: int = 6000) -> list[Path]:
    """Draw all pictures into a folder and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    analysis = demo(n_subscribers=subscribers)
    paths = [folder / f"{draw.__name__}.png" for draw in PICTURES]
    for draw, path in zip(PICTURES, paths, strict=True):
        draw(analysis).savefig(path, dpi=100)
    return paths


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "pictures"))
