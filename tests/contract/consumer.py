"""What a user of the library writes; each mistake is marked with the error that a strict type checker must report."""

from __future__ import annotations

from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import custval
from custval import artifact, clv, survival
from custval.clv import LifetimeValue, lifetime_value
from custval.survival import Curves, DiscreteHazard, SurvivalCurve, kaplan_meier, survival_target

y = survival_target([1, 2, 3], [1, 0, 1])
assert_type(kaplan_meier(y), SurvivalCurve)
assert_type(kaplan_meier(y, groups=["a", "b", "a"]), Curves[SurvivalCurve])
model = DiscreteHazard(l2=0.5).fit({"age": [30.0, 40.0, 50.0]}, y)
assert_type(model, DiscreteHazard)
ahead = model.predict_survival({"age": [30.0]}, [1, 2, 3])
assert_type(ahead, NDArray[np.float64])
worth = lifetime_value(model, {"age": [30.0]}, margin=10.0, horizon=12, monthly_discount=0.01)
assert_type(worth, LifetimeValue)
artifact.save(model, "model.json")
version: str = custval.__version__

DiscreteHazard(link=3)  # error: [arg-type]
DiscreteHazard("logit")  # error: [call-arg]
survival.kaplan_meyer(y)  # error: [attr-defined]
clv.lifetime_value(model, {}, margin=1.0, horizon=12)  # error: [call-arg]
gone = custval.survivel  # error: [attr-defined]
wrong: str = model.predict_survival({}, [1])  # error: [assignment]
worth.value = ahead  # error: [misc]
