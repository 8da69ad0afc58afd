"""The likelihood of a base of customers as a function of free parameters and coefficients, and its maximum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from custval._clv.likelihood_fit import Found, Slopes, maximise
from custval._clv.model_summary import warn_of
from custval._clv.purchases import Counted, Purchases
from custval._core.typing import FloatArray

__all__ = ("Problem", "moved_theta")

SAMPLE = 4000  # different customers in the warm start


class Problem:
    """The likelihood of one fit as a function of the logarithms of the free parameters and of the coefficients."""

    def __init__(
        self, model: Any, data: Counted, processes: Mapping[str, int], fixed: Mapping[str, float], l2: float
    ) -> None:
        self.model, self.data, self.fixed, self.l2 = model, data, fixed, l2
        self.processes = processes
        self.free = [name for name in model._names if name not in fixed]
        self.width = sum(processes.values())

    def solve(self, start: Mapping[str, float]) -> Found:
        """Return the maximum, with a warm start on a sample where there are many different customers."""
        first = np.array([np.log(start[name]) for name in self.free] + [0.0] * self.width)
        n = len(self.data.weight)
        return maximise(
            self.slopes(self.data),
            first,
            warm=self.slopes(self._sample()) if n > 4 * SAMPLE else None,
            scale=float(self.data.weight.sum()),
        )

    def _sample(self) -> Counted:
        """Return an even sample of the different customers, with weights that add up to all of them."""
        data = self.data
        where = np.arange(0, len(data.weight), max(1, len(data.weight) // SAMPLE))
        weight = data.weight[where]
        seen = Purchases(data.seen.x[where], data.seen.t_x[where], data.seen.T[where], known={})
        design = None if data.design is None else data.design[where]
        share = data.weight.sum() / weight.sum()
        return Counted(seen, design, weight * share, data.total_log_gaps)

    def slopes(self, data: Counted) -> Slopes:
        """Return the objective with its gradient on `data`."""
        names, constant = self.model._names, self.model._constant(data)

        def evaluate(point: FloatArray) -> tuple[float, FloatArray]:
            logs, coef = self.split(point)
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                theta = [np.exp(log) for log in logs]
                if data.design is not None:
                    theta = moved_theta(self.model, logs, coef, data.design)
                value, slopes = self.model._slopes(theta, data.seen)
                rows = {name: data.weight * slope for name, slope in zip(names, slopes, strict=True)}
            gradient = [float(rows[name].sum()) for name in self.free]
            for process in coef:
                pulled = sum(share * rows[name] for name, share in self.model._processes[process])
                gradient.extend(data.design.T @ pulled - self.l2 * coef[process])  # type: ignore[union-attr]
            whole = float(data.weight @ value) + constant
            return whole - self.l2 / 2.0 * float(sum(c @ c for c in coef.values())), np.asarray(gradient)

        return evaluate

    def split(self, point: FloatArray) -> tuple[list[float], dict[str, FloatArray]]:
        """Return the logarithms of all parameters, and the coefficients by process."""
        known = dict(zip(self.free, point, strict=False))
        logs = [float(known[name]) if name in known else float(np.log(self.fixed[name])) for name in self.model._names]
        coef, at = {}, len(self.free)
        for process, width in self.processes.items():
            if width:
                coef[process] = np.asarray(point[at : at + width])
                at += width
        return logs, coef

    def store(self, found: Found) -> None:
        """Write what was found into the model."""
        model = self.model
        logs, coef = self.split(found.point)
        penalty = self.l2 / 2.0 * float(sum(c @ c for c in coef.values()))
        model.params_ = {name: float(np.exp(log)) for name, log in zip(model._names, logs, strict=True)}
        model.coef_ = coef
        features = [] if model.encoder_ is None else model.encoder_.feature_names
        named = [f"{process}:{feature}" for process in coef for feature in features]
        model.covariance_names_ = (*self.free, *named)
        model.log_likelihood_ = found.value + penalty
        model.converged_, model.n_iter_ = found.converged, found.iterations
        warn_of(model, found)


def moved_theta(model: Any, logs: Sequence[float], coef: Mapping[str, FloatArray], design: FloatArray) -> list[Any]:
    theta: list[Any] = [np.exp(log) for log in logs]
    for process, shares in model._processes.items():
        if process in coef:
            moved = design @ coef[process]
            for name, share in shares:
                j = model._names.index(name)
                theta[j] = theta[j] * np.exp(share * moved)
    return theta
