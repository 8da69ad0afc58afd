"""Segments and movement work where pandas, scikit-learn and matplotlib are not installed."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
for name in ('pandas', 'sklearn', 'scipy.stats', 'matplotlib', 'narwhals', 'threadpoolctl', 'polars'):
    sys.modules[name] = None
import numpy as np
from custval.segments import *
from custval import segments as s
rng = np.random.default_rng(0)
money = rng.lognormal(3, 1, 200)
s.decile_table(money), s.abc_classes(money), s.Tiers().fit(money[:, None]).table(money[:, None])
s.rfm(np.column_stack([rng.integers(0, 9, 200), rng.poisson(3, 200), money])).label()
counts = s.movement_counts([1, 1, 2, 2, 3], [2, None, 3, None, None])
s.churn_rates({'opening': [5.0], 'joined': [1.0], 'exits_a': [2.0]}), s.cohort_retention([1, 2], [2, None], until=3)
moves = s.transition_counts(rng.integers(0, 3, (50, 6)), left=['x'] * 10 + [''] * 40)
matrix = s.migration_matrix(moves)
s.state_values(matrix, [1.0, 2.0, 3.0], monthly_discount=0.01), s.base_forecast(matrix, [9, 9, 9], random_state=0)
s.homogeneity_test(matrix), s.markov_order_test(moves), matrix.flows()
s.lifecycle_stage({'tenure_months': [1.0, 9.0]}), s.usage_slope(np.ones((2, 4)))
s.stability(money, money), s.cronbach_alpha(rng.normal(size=(9, 3)))
model = s.BehaviourClusters(n_clusters=2, random_state=0).fit(np.column_stack([money, money[::-1]]))
model.profile(np.column_stack([money, money[::-1]])).to_dict()
s.MigrationModel(l2=1.0).fit(money[:, None], rng.integers(0, 2, 200)).predict(money[:, None])
print('fine')
"""


def test_segments_need_numpy_and_scipy_special_only():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "fine", done.stderr[-600:]
