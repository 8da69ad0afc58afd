"""How long customers would be watched if none left: the distribution G that weighs for those not watched to the end.

G is the product-limit curve of the *censoring* times; departures at the same time precede them, so they leave the
risk set first. A departure at T is weighed by 1 / G(T-), a customer still there at t by 1 / G(t): with G(T) instead,
monthly data are off by more than one percent.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from custval._core.errors import InputError
from custval._core.kernels import risk_table
from custval._core.typing import BoolArray, FloatArray
from custval._metrics.outcome import Ahead, from_landmark, read_outcome

__all__ = ("WatchedCurve", "watched_ahead", "watched_curve")


class WatchedCurve:
    """The step function G, right-continuous, with its left limits."""

    def __init__(self, times: FloatArray, share: FloatArray) -> None:
        self.times = times
        self.share = np.append(1.0, share)

    def at(self, t: FloatArray | float) -> FloatArray:
        """Return G(t)."""
        return np.asarray(self.share[np.searchsorted(self.times, t, side="right")], dtype=np.float64)

    def before(self, t: FloatArray | float) -> FloatArray:
        """Return G(t-)."""
        return np.asarray(self.share[np.searchsorted(self.times, t, side="left")], dtype=np.float64)

    def gone_weight(self, duration: FloatArray, counted: BoolArray) -> FloatArray:
        """Return 1 / G(T-) for those who are `counted`, 0 for the others."""
        weight = np.zeros(len(duration))
        share = self.before(duration[counted])
        unseen = duration[counted][share <= 0]
        if len(unseen):
            raise InputError(
                f"{len(unseen)} of {counted.sum()} departures are at times to which nobody of y_train was watched "
                f"(first: {unseen.min():g}); end before that time, or take more customers as y_train"
            )
        weight[counted] = 1.0 / share
        return weight

    def refuse_unreached(self, time: float) -> None:
        """Refuse a time to which nobody is watched: departures up to it cannot be counted, even without survivors."""
        if float(self.before(time)) <= 0:
            last = self.times[self.share[1:] <= 0].min(initial=np.inf)
            raise InputError(
                f"time {time:g} lies beyond the follow-up: customers were watched to {last:g} at most, so not all who "
                "left by then are seen; wait, or choose a time up to there"
            )

    def refuse_unwatched(self, times: FloatArray) -> None:
        """Refuse times up to which nobody is watched."""
        beyond = times[self.at(times) <= 0]
        if len(beyond):
            last = self.times[self.share[1:] > 0].max(initial=0.0)
            raise InputError(
                f"{len(beyond)} of {len(times)} times lie beyond the follow-up (first: {beyond[0]:g}); customers were "
                f"watched past {last:g} at most, choose times up to there"
            )


def watched_curve(duration: FloatArray, ended: BoolArray, weight: FloatArray) -> WatchedCurve:
    """Return G from the times watched since the landmark and who left, for whatever cause, at their end."""
    table = risk_table(duration, ended.astype(np.int64), entry=None, weight=weight, causes=1)
    exposed = table.at_risk - table.events[0]
    # the same sum by two routes: where all who remain are censored, the curve ends at exactly zero
    gone = np.divide(table.censored, exposed, out=np.zeros_like(exposed), where=table.censored > 0)
    gone[-1] = 1.0 if table.censored[-1] > 0 else 0.0
    share: FloatArray = np.cumprod(1.0 - gone).astype(np.float64)
    return WatchedCurve(table.times, share)


def watched_ahead(ahead: Ahead, weight: FloatArray, y_train: Any, landmark: float) -> WatchedCurve:
    """Return G from the customers scored (with their weights), or from those of `y_train` at the same landmark."""
    if y_train is None:
        return watched_curve(ahead.duration, ahead.ended, weight)
    train = from_landmark(read_outcome(y_train, "y_train"), landmark)
    return watched_curve(train.duration, train.ended, np.ones(len(train)))
