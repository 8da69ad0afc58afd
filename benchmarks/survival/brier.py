"""Integrated Brier score against scikit-survival, each in a fresh process on the same customers and forecasts.

    python benchmarks/survival/brier.py --python <interpreter with custval and scikit-survival>

scikit-survival weighs departures at T by 1 / G(T) where theory has G(T-); the share by which its score differs for
that reason is shown. Only custval gives a standard error.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from record import in_fresh_process, record

DATA = """
import json, resource, statistics, time
import numpy as np
rng = np.random.default_rng(0)
n, times = {n}, np.arange(1.0, 60.0)
x = rng.normal(size=n)
leave, end = rng.exponential(60 * np.exp(-0.5 * x)), rng.exponential(40.0, n)
duration, event = np.ceil(np.minimum(leave, end) + 1e-9), leave <= end
duration[0], event[0] = 80.0, False
survival = np.exp(-times / 60 * np.exp(0.5 * x)[:, None])
def timed(work, repeats):
    found = work()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), found
"""
SIDES = {
    "custval": """
from custval.metrics import integrated_brier_score
seconds, found = timed(lambda: integrated_brier_score((duration, event), survival, times).value, {repeats})
""",
    "scikit-survival": """
from sksurv.metrics import integrated_brier_score
y = np.array(list(zip(event, duration)), dtype=[("event", bool), ("time", float)])
seconds, found = timed(lambda: integrated_brier_score(y, y, survival, times), {repeats})
""",
}
TAIL = """
print(json.dumps([seconds, float(found), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--repeats", type=int, default=7)
    chosen = parser.parse_args()
    rows: list[dict[str, object]] = []
    for n in (10_000, 100_000, 400_000):
        ours = 0.0
        for name, code in SIDES.items():
            case = (DATA + code + TAIL).format(n=n, repeats=chosen.repeats)
            seconds, value, peak = json.loads(in_fresh_process(case, python=chosen.python)[2])
            ours = ours or seconds
            rows.append(
                {
                    "customers x times": f"{n:,} x 59",
                    "": name,
                    "seconds": round(seconds, 4),
                    "times custval": round(seconds / ours, 2),
                    "peak memory MiB": round(peak),
                    "score": f"{value:.6f}",
                }
            )
            print(rows[-1], flush=True)
    text = (
        f"Integrated Brier score of monthly data, medians of {chosen.repeats} in fresh processes. The scores differ "
        "since scikit-survival takes G(T) for G(T-). Target at 100,000: twice scikit-survival."
    )
    record("Survival: integrated Brier score", rows, script="benchmarks/survival/brier.py", text=text)


if __name__ == "__main__":
    main()
