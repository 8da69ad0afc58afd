"""The piecewise-exponential model: against Poisson regression of split episodes, an exponential law, quadrature."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate
from tests.survival.aft_cases import smooth_customers

from custval import InputError
from custval.artifact import from_dict, to_dict
from custval.survival import (
    AFT,
    DiscreteHazard,
    PiecewiseExponential,
    interval_target,
    nelson_aalen,
    survival_target,
)

BREAKS = [2.0, 5.0, 9.0]


def data():
    made = smooth_customers()
    entry = np.where(np.arange(90) % 4 == 0, np.minimum(1.5, made["y"]["duration"] / 2), 0.0)
    return made["X"], survival_target(made["y"]["duration"], made["y"]["event"], entry=entry)


def poisson(X, y, weight=None):
    """Fit the split episodes by Newton's method; return coefficients, covariance, log-likelihood."""
    edges = [0.0, *BREAKS, np.inf]
    rows = []
    for i in range(len(X)):
        for j in range(len(edges) - 1):
            low, high = max(edges[j], y["entry"][i]), min(edges[j + 1], y["duration"][i])
            if high > low:
                rows.append((j, i, high - low, float(y["event"][i] > 0 and high == y["duration"][i])))
    piece, who, exposure, left = (np.array(column) for column in zip(*rows, strict=True))
    design = np.column_stack([(piece[:, None] == np.arange(4)).astype(float), X[who]])
    w = np.ones(len(X)) if weight is None else weight
    beta = np.r_[np.full(4, -2.0), np.zeros(X.shape[1])]
    for _ in range(60):
        mean = exposure * np.exp(design @ beta)
        information = design.T @ (design * (w[who] * mean)[:, None])
        beta = beta + np.linalg.solve(information, design.T @ (w[who] * (left - mean)))
    value = (w[who] * (left * (design @ beta) - exposure * np.exp(design @ beta))).sum()
    return beta, np.linalg.inv(information), value


@pytest.mark.parametrize("weighted", [False, True])
def test_is_a_poisson_regression_of_split_episodes(weighted):
    X, y = data()
    weight = 1.0 + np.arange(90) % 3 if weighted else None
    model = PiecewiseExponential(breaks=BREAKS).fit(X, y, sample_weight=weight)
    beta, covariance, value = poisson(X, y, weight)
    assert model.coef_ == pytest.approx(beta[4:], rel=1e-8)
    assert model.level_ - model.center_ @ model.coef_ == pytest.approx(beta[:4], rel=1e-8)
    assert model.std_error_ == pytest.approx(np.sqrt(np.diag(covariance))[4:], rel=1e-8)
    assert model.log_likelihood_ == pytest.approx(value, rel=1e-11)
    if not weighted:
        assert model.score(X, y) == pytest.approx(value / 90, rel=1e-11)


def test_one_piece_is_the_exponential_law():
    X, y = data()
    model = PiecewiseExponential(breaks=[]).fit(X, y)
    other = AFT(distribution="exponential").fit(X, y)
    assert model.coef_ == pytest.approx(-other.coef_, rel=1e-8)
    assert model.std_error_ == pytest.approx(other.std_error_, rel=1e-8)
    assert model.log_likelihood_ == pytest.approx(other.log_likelihood_, rel=1e-11)
    assert model.log_likelihood_null_ == pytest.approx(other.log_likelihood_null_, rel=1e-11)
    times = [1.0, 4.0, 30.0]
    assert model.predict_survival(X, times) == pytest.approx(other.predict_survival(X, times), rel=1e-7)
    assert model.expected_lifetime(X) == pytest.approx(other.expected_lifetime(X), rel=1e-7)
    clustered = [m.fit(X, y, cluster=np.arange(90) // 3) for m in (model, other)]
    assert clustered[0].robust_std_error_ == pytest.approx(clustered[1].robust_std_error_, rel=1e-7)
    assert clustered[0].covariance_ == pytest.approx(clustered[1].covariance_ * 1.0, rel=1e-6)


def test_forecasts_integrate_and_invert():
    X, y = data()
    model = PiecewiseExponential(breaks=BREAKS).fit(X, y)
    row = X[:1]
    grid = np.sort(np.append(np.linspace(0, 20, 2001), BREAKS))
    curve = model.predict_survival(row, grid)[0]
    slope = -np.diff(np.log(curve)) / np.maximum(np.diff(grid), 1e-300)
    rate = model.baseline_hazard_ * np.exp((row[0] - model.center_) @ model.coef_)
    middle = (grid[1:] + grid[:-1]) / 2
    steps = np.diff(grid) > 0
    assert slope[steps] == pytest.approx(rate[np.searchsorted(BREAKS, middle[steps])], rel=1e-6)
    for given in (0.0, 3.0, 14.0):
        area = integrate.quad(
            lambda t, g=given: model.predict_survival(row, [t], given=g)[0, 0], 0, 7, points=[1, 2, 5, 6], epsabs=1e-11
        )[0]
        assert model.expected_lifetime(row, 7, given=given)[0] == pytest.approx(area, rel=1e-8)
        t = model.predict_quantile(row, 0.4, given=given)
        assert model.predict_survival(row, t, given=given)[0, 0] == pytest.approx(0.6, rel=1e-10)
    assert model.expected_lifetime(row)[0] == pytest.approx(model.expected_lifetime(row, 1e7)[0], rel=1e-12)
    again = from_dict(to_dict(model))
    assert (again.predict_survival(X, [1, 7]) == model.predict_survival(X, [1, 7])).all()
    assert model.summary()["feature"].tolist() == ["x0", "x1", "(0, 2]", "(2, 5]", "(5, 9]", "(9, inf]"]


def test_risk_and_reasons_are_hazard_ratios():
    X, y = data()
    model = PiecewiseExponential(breaks=BREAKS).fit(X, y)
    parts = (X - model.center_) * model.coef_
    assert np.log(model.predict_risk(X)) == pytest.approx(parts.sum(axis=1), abs=1e-12)
    assert model.reasons(X, top=1).contribution[:, 0] == pytest.approx(np.maximum(parts.max(axis=1), 0), abs=1e-12)


def test_pullback_is_the_gradient_of_the_forecasts():
    X, y = data()
    model = PiecewiseExponential(breaks=BREAKS).fit(X, y)
    rng = np.random.default_rng(3)
    w, c = rng.normal(size=(4, 12)), rng.normal(size=(4, 1, 12))

    def worth():
        s = model.predict_survival(X[:4], np.arange(1, 13), given=[0, 1, 4, 8])
        f = model.predict_incidence(X[:4], np.arange(13), given=[0, 1, 4, 8])
        return (w * s).sum(axis=1) + (c * np.diff(f, axis=2)).sum(axis=(1, 2))

    found, columns = model.pullback(X[:4], w, c, given=[0, 1, 4, 8]), []
    for holder, k in [*((model.level_, j) for j in range(4)), (model.coef_, 0), (model.coef_, 1)]:
        holder[k] += 1e-6
        up = worth()
        holder[k] -= 2e-6
        columns.append((up - worth()) / 2e-6)
        holder[k] += 1e-6
    assert found == pytest.approx(np.column_stack(columns), rel=1e-5, abs=1e-7)


def test_breaks_at_every_time_follow_the_nelson_aalen_curve():
    rng = np.random.default_rng(2)
    y = survival_target(rng.exponential(8, 400), (rng.random(400) < 0.7).astype(int))
    X = np.arange(400)[:, None] % 2
    model = PiecewiseExponential(breaks=np.quantile(y["duration"], np.arange(0.05, 0.96, 0.05))).fit(X, y)
    average = model.predict_cumulative_hazard(model.center_[None], [2.0, 8.0, 16.0])[0]
    assert average == pytest.approx(nelson_aalen(y).at([2.0, 8.0, 16.0]), rel=0.05)
    assert len(PiecewiseExponential().fit(X, y).breaks_) == 4


def looked():
    """Return columns, months of leaving, and between which monthly looks they lie."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 2))
    month = np.ceil(rng.weibull(1.4, 500) * 6 * np.exp(-0.3 * X[:, 0]))
    return X, month, np.where(month <= 8, month - 1, 8.0), np.where(month <= 8, month, np.inf)


def test_looks_at_every_month_are_the_monthly_hazard_with_cloglog_link():
    X, month, lower, upper = looked()
    pieces = PiecewiseExponential(breaks=np.arange(1.0, 8.0)).fit(X, interval_target(lower, upper))
    monthly = DiscreteHazard(link="cloglog").fit(X, survival_target(np.minimum(month, 8), month <= 8))
    assert pieces.coef_ == pytest.approx(monthly.coef_, rel=1e-9)
    assert pieces.std_error_ == pytest.approx(monthly.std_error_, rel=1e-9)
    assert pieces.log_likelihood_ == pytest.approx(monthly.log_likelihood_, rel=1e-12)
    assert pieces.log_likelihood_null_ == pytest.approx(monthly.log_likelihood_null_, rel=1e-12)
    assert pieces.score(X, interval_target(lower, upper)) == pytest.approx(pieces.log_likelihood_ / 500)


def test_one_piece_between_looks_is_the_exponential_law():
    X, _, lower, upper = looked()
    rng = np.random.default_rng(1)
    entry, weight = np.where(rng.random(500) < 0.3, np.minimum(lower, 2.0), 0.0), rng.uniform(0.5, 2.0, 500)
    upper[:50] = lower[:50] = lower[:50] + 0.5  # some times are known
    y = interval_target(lower, upper, entry=entry)
    one = PiecewiseExponential(breaks=[]).fit(X, y, sample_weight=weight)
    law = AFT(distribution="exponential").fit(X, y, sample_weight=weight)
    assert one.coef_ == pytest.approx(-law.coef_, rel=1e-8)
    assert one.robust_std_error_ == pytest.approx(law.robust_std_error_, rel=1e-7)
    assert one.log_likelihood_ == pytest.approx(law.log_likelihood_, rel=1e-12)


def test_slope_and_curvature_between_looks_are_those_of_the_likelihood():
    X, _, lower, upper = looked()
    y = interval_target(np.where(lower > 1, lower - 1, lower), upper)  # looks two months apart cross the breaks
    model = PiecewiseExponential(breaks=[2.0, 5.0]).fit(X, y)
    again = PiecewiseExponential(breaks=[2.0, 5.0]).fit(X, y)
    point = np.append(model.level_, model.coef_)

    def height(at):
        again.level_, again.coef_ = at[:3], at[3:]
        return again.score(X, y) * 500

    step = 1e-4 * np.eye(5)
    bend = [
        [(height(point + a + b) - height(point + a) - height(point + b) + height(point)) / 1e-8 for a in step]
        for b in step
    ]
    assert [(height(point + a) - height(point - a)) / 2e-4 for a in step] == pytest.approx([0.0] * 5, abs=1e-3)
    assert np.linalg.inv(-np.array(bend)) == pytest.approx(model.covariance_, rel=2e-3, abs=1e-6)
    assert PiecewiseExponential().fit(X, y).breaks_.tolist() == [2.0, 3.0, 5.0, 6.0]


def test_bad_input_is_named():
    X, y = data()
    with pytest.raises(InputError, match="breaks must rise, but they are 5, 2"):
        PiecewiseExponential(breaks=[5, 2]).fit(X, y)
    with pytest.raises(InputError, match="breaks must be > 0"):
        PiecewiseExponential(breaks=[0, 2]).fit(X, y)
    with pytest.raises(InputError, match=r"nobody left in 2 of 3 pieces \(first: months 1000 to 2000\)"):
        PiecewiseExponential(breaks=[1000, 2000]).fit(X, y)
    with pytest.raises(InputError, match=r"max_iter must be a whole number, not 3\.5"):
        PiecewiseExponential(max_iter=3.5).fit(X, y)
    with pytest.raises(InputError, match="is the same for every customer"):
        PiecewiseExponential().fit(np.ones((90, 1)), y)
