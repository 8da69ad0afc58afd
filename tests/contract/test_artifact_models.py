"""Every estimator joins the artefact when it is born: here is one fit of each, saved, read and asked again."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import custval
from custval._core.estimator import Estimator
from custval.artifact import from_dict, to_dict
from custval.assoc import Recommender
from custval.clv import (
    BGBB,
    BGCNBD,
    BGNBD,
    MBGCNBD,
    MBGNBD,
    NBD,
    ArpuPath,
    BetaDiscreteWeibull,
    CalendarBGBB,
    CalendarParetoNBD,
    GammaGamma,
    GeometricRetention,
    GGompertzNBD,
    LogNormalSpend,
    ParetoNBD,
    ShiftedBetaGeometric,
)
from custval.segments import BehaviourClusters, MigrationModel, Tiers, ValuePotential
from custval.survival import (
    AFT,
    BoostedHazard,
    CauseSpecificHazard,
    CoxPH,
    DiscreteHazard,
    FineGray,
    MixtureCure,
    PiecewiseExponential,
    SharedFrailtyCox,
    survival_target,
)

RNG = np.random.default_rng(11)
X = {"plan": np.array(["a", "b", "c"])[RNG.integers(0, 3, 240)], "age": RNG.normal(40.0, 9.0, 240)}
Y = survival_target(RNG.integers(1, 19, 240), RNG.integers(0, 3, 240), causes=["price", "moved"])
AXES = RNG.gamma(2.0, 20.0, (60, 2))
LEFT = survival_target(RNG.weibull(1.3, 240) * 20.0 + 0.1, RNG.integers(0, 2, 240))
STAYS = np.where(RNG.random(240) < 0.4, np.inf, RNG.weibull(1.3, 240) * 8.0 + 0.1)  # 40 % never leave
LOYAL = survival_target(np.minimum(STAYS, 36.0), STAYS < 36.0)
ACCOUNTS = np.repeat(np.arange(60), 4)
TOP_UPS = BGCNBD.from_params(k=2, r=0.8, alpha=2.0, a=0.8, b=3.0).simulate(np.full(400, 30.0), random_state=1)
REGION = {"region": np.array(["north", "south"])[np.arange(400) % 2]}
BY_MONTH = np.array([[1, 1, 0, 1, 0, 0], [1, 0, 0, 0, 0, 0], [1, 2, 1, 0, 1, 1]] * 40)
CAMPAIGNS = np.array([0, 1, 0, 0, 1, 0, 0, 1, 0])[:, None]
MONTHS = BGBB.from_params(alpha=1.2, beta=0.8, gamma=0.7, delta=2.8).simulate(np.full(300, 12.0), random_state=1)
SPEND = GammaGamma.from_params(p=6.0, q=4.0, gamma=15.0).simulate(np.arange(300) % 9, random_state=1)
LOGS = LogNormalSpend.from_params(mu=3.0, sigma=0.4, tau=0.5).simulate(np.arange(300) % 9, random_state=1)
BILLS = RNG.gamma(9.0, 4.0, (20, 6))
COHORT = np.array([1000.0, 869.0, 743.0, 653.0, 593.0])

# One fitted model of each kind, and a question whose answer must be the same after the trip.
MODELS: dict[type, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    DiscreteHazard: (
        lambda: DiscreteHazard(baseline="linear", tail="hold").fit(X, Y),
        lambda model: model.predict_incidence(X, [1, 3, 30]),
    ),
    CoxPH: (lambda: CoxPH(tail="hold").fit(X, LEFT), lambda model: model.predict_survival(X, [1, 6, 18])),
    SharedFrailtyCox: (
        lambda: SharedFrailtyCox(tail="hold").fit(X, LEFT, group=ACCOUNTS),
        lambda model: model.predict_survival(X, [1, 6, 18]),
    ),
    CauseSpecificHazard: (
        lambda: CauseSpecificHazard(estimator={"price": CoxPH(tail="hold"), "moved": AFT()}).fit(X, Y),
        lambda model: model.predict_incidence(X, [1, 6, 30], given=2),
    ),
    FineGray: (
        lambda: FineGray(cause="moved", overall=AFT()).fit(X, Y),
        lambda model: model.predict_incidence(X, [1, 6], given=2),
    ),
    BoostedHazard: (
        lambda: BoostedHazard(max_iter=10, monotone={"age": 1}, random_state=1, tail="hold").fit(X, Y),
        lambda model: model.predict_incidence(X, [1, 6, 30], given=2),
    ),
    AFT: (lambda: AFT().fit(X, LEFT), lambda model: model.predict_survival(X, [1, 6, 18])),
    MixtureCure: (lambda: MixtureCure().fit(X, LOYAL), lambda model: model.predict_survival(X, [1, 6, 18])),
    PiecewiseExponential: (
        lambda: PiecewiseExponential(breaks=[6.0, 12.0]).fit(X, LEFT),
        lambda model: model.predict_survival(X, [1, 6, 18]),
    ),
    ValuePotential: (lambda: ValuePotential().fit(AXES), lambda model: model.quadrant(AXES)),
    Tiers: (lambda: Tiers().fit(AXES[:, :1]), lambda model: model.tier(AXES[:, :1])),
    **{
        kind: (
            lambda kind=kind: kind(fixed={"s": 0.6} if kind is ParetoNBD else None).fit(TOP_UPS, covariates=REGION),
            lambda model: model.expected_purchases(TOP_UPS, 10.0, covariates=REGION),
        )
        for kind in (NBD, BGNBD, MBGNBD, ParetoNBD)
    },
    **{
        kind: (lambda kind=kind: kind(k=2).fit(TOP_UPS), lambda model: model.expected_purchases(TOP_UPS, 10.0))
        for kind in (BGCNBD, MBGCNBD)
    },
    GGompertzNBD: (
        lambda: GGompertzNBD(fixed={"b": 0.02, "beta": 0.3}).fit(TOP_UPS),
        lambda model: model.probability_alive(TOP_UPS),
    ),
    BGBB: (lambda: BGBB().fit(MONTHS), lambda model: model.expected_purchases(MONTHS, 6)),
    **{
        kind: (
            lambda kind=kind: kind(fixed=dict(zip(kind._names, (0.8, 1.5, 0.7, 2.8), strict=True)), l2=1.0).fit(
                BY_MONTH, calendar=CAMPAIGNS
            ),
            lambda model: model.expected_purchases(BY_MONTH, 3, calendar=CAMPAIGNS),
        )
        for kind in (CalendarBGBB, CalendarParetoNBD)
    },
    GammaGamma: (lambda: GammaGamma().fit(SPEND), lambda model: model.expected_spend(SPEND)),
    LogNormalSpend: (lambda: LogNormalSpend().fit(LOGS), lambda model: model.expected_spend(LOGS)),
    BehaviourClusters: (
        lambda: BehaviourClusters(n_clusters=3, random_state=0).fit(X),
        lambda model: model.cluster(X),
    ),
    MigrationModel: (
        lambda: MigrationModel(l2=0.1).fit(X, X["plan"], origin=X["plan"][::-1]),
        lambda model: model.transition_matrix(X),
    ),
    Recommender: (
        lambda: Recommender(min_support=0.1).fit([{"sim", "tv"}] * 30 + [{"sim"}] * 20 + [{"net"}] * 30),
        lambda model: model.p_accept([{"sim"}, {"net"}, set()]),
    ),
    ShiftedBetaGeometric: (lambda: ShiftedBetaGeometric().fit(COHORT), lambda model: model.survival(12)),
    ArpuPath: (lambda: ArpuPath(kind="reverting").fit(BILLS), lambda model: model.predict(BILLS, 3)),
    BetaDiscreteWeibull: (lambda: BetaDiscreteWeibull().fit(COHORT), lambda model: model.survival(12)),
    GeometricRetention: (lambda: GeometricRetention().fit(COHORT), lambda model: model.survival(12)),
}


def estimators() -> list[type]:
    doors = [importlib.import_module(f"custval.{door}") for door in custval.__all__ if door.islower()]
    things = [getattr(door, name) for door in doors for name in door.__all__]
    return [thing for thing in things if inspect.isclass(thing) and issubclass(thing, Estimator)]


@pytest.mark.parametrize("kind", estimators(), ids=lambda kind: kind.__name__)
def test_a_fitted_model_survives_the_trip(kind: type) -> None:
    assert kind in MODELS, (
        f"custval gained the estimator {kind.__name__}: add `{kind.__name__}: (lambda: {kind.__name__}(...).fit(X, Y), "
        f"lambda model: model.predict_...(X))` to MODELS in {__name__}, so that saving and loading it is tested"
    )
    fit, ask = MODELS[kind]
    model = fit()
    again = from_dict(json.loads(json.dumps(to_dict(model), allow_nan=False)))
    assert type(again) is kind
    assert repr(again) == repr(model)
    assert again.__sklearn_is_fitted__()
    np.testing.assert_array_equal(np.asarray(ask(again)), np.asarray(ask(model)))
    fitted = [name for name in vars(model) if name.endswith("_") and not name.startswith("_")]
    assert sorted(fitted) == sorted(name for name in vars(again) if name.endswith("_") and not name.startswith("_"))
