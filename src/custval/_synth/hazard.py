"""The true monthly hazard of each cause: a multinomial logit against staying, and what follows from it."""

from __future__ import annotations

import numpy as np

from custval._core.typing import BoolArray, FloatArray, IntArray
from custval._synth.scenario import CAUSES, Scenario

__all__ = ("coefficient_matrix", "covariates", "draw_causes", "leaving_probabilities", "months_to_end")


def coefficient_matrix(scenario: Scenario) -> FloatArray:
    """Return the coefficients, shape (causes, covariates); the churn scale moves the intercepts."""
    matrix = np.array([scenario.hazard[cause] for cause in CAUSES])
    matrix[:, 0] += np.log(scenario.churn_scale)
    return matrix


def months_to_end(end_month: IntArray, term: IntArray, month: int | IntArray) -> IntArray:
    """Return the months that a contract still runs at the end of `month`: 1..term as terms roll over, else 0."""
    length = np.maximum(term, 1)
    return np.where(term > 0, (end_month - month - 1) % length + 1, 0)


def covariates(
    *,
    contract: IntArray,
    tenure: IntArray,
    to_end: IntArray,
    complaints: FloatArray,
    bill_shock: FloatArray,
    arrears: FloatArray,
    usage_decline: FloatArray,
    autopay: BoolArray,
    price_sensitivity: FloatArray,
    satisfaction: FloatArray,
    departed_tie: BoolArray,
) -> FloatArray:
    """Return the matrix (subscribers, covariates) that the coefficients multiply, in the order of `COVARIATES`."""
    columns = (
        np.ones(len(contract)),
        contract == 1,
        contract == 2,
        np.log1p(tenure) - 3.0,
        to_end == 1,
        complaints,
        bill_shock,
        arrears,
        usage_decline,
        autopay,
        price_sensitivity,
        -satisfaction,
        departed_tie,
    )
    return np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])


def leaving_probabilities(design: FloatArray, coefficients: FloatArray, save: FloatArray) -> FloatArray:
    """Return P(leaves by cause k this month), shape (subscribers, causes): exp(eta_k) / (1 + sum_j exp(eta_j)).

    `save` is added to the log-odds of the voluntary cause: the effect of an offer where one was made, else 0.
    """
    weight = design @ coefficients.T
    weight[:, 0] += save
    np.exp(weight, out=weight)
    hazard: FloatArray = weight / (1.0 + weight.sum(axis=1, keepdims=True))
    return hazard


def draw_causes(hazard: FloatArray, uniform: FloatArray) -> IntArray:
    """Return 0 (stays) or the number of the cause (1..K) by which each subscriber leaves."""
    upto = np.cumsum(hazard, axis=1)
    return np.where(uniform < upto[:, -1], 1 + (uniform[:, None] >= upto).sum(axis=1), 0)
