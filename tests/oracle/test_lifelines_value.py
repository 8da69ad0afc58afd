"""A fitted lifelines model can be valued like one of ours."""

from __future__ import annotations

import os

import numpy as np
import pytest

if os.environ.get("CUSTVAL_ORACLE") != "1":
    pytest.skip("the oracle session runs this, with lifelines in an environment of its own", allow_module_level=True)

from lifelines import CoxPHFitter, WeibullAFTFitter
from lifelines.datasets import load_rossi

from custval import InputError
from custval.clv import discounted_value, lifetime_value
from custval.survival import from_lifelines

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("default")]


@pytest.mark.parametrize("kind", [CoxPHFitter, WeibullAFTFitter])
def test_value_of_a_lifelines_model_is_that_of_its_survival_matrix(kind: type) -> None:
    rossi = load_rossi()[["week", "arrest", "fin", "age", "prio"]]
    fitter = kind().fit(rossi, "week", "arrest")
    X = rossi[["fin", "age", "prio"]].head(20)
    worth = lifetime_value(from_lifelines(fitter), X, margin=10.0, horizon=40, monthly_discount=0.01)
    if kind is CoxPHFitter:  # steps hold until the next departure
        steps = fitter.predict_cumulative_hazard(X)
        hazard = steps.reindex(np.arange(1.0, 41.0), method="ffill").fillna(0.0).to_numpy().T
    else:
        hazard = fitter.predict_cumulative_hazard(X, times=np.arange(1, 41)).to_numpy().T
    np.testing.assert_allclose(worth.value, discounted_value(np.exp(-hazard), 10.0, monthly_discount=0.01), rtol=1e-10)


def test_a_raw_fitter_is_sent_through_the_adapter() -> None:
    rossi = load_rossi()[["week", "arrest", "fin"]]
    fitter = CoxPHFitter().fit(rossi, "week", "arrest")
    with pytest.raises(InputError, match=r"a CoxPHFitter has not; hand over custval.survival.from_lifelines\(model\)"):
        lifetime_value(fitter, rossi[["fin"]], margin=10.0, horizon=40, monthly_discount=0.01)
