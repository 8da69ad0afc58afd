"""A small web service that embeds custval: risk, reasons and value of one customer from a saved model.

It is a plain WSGI application, so that any server runs it (``python examples/crm_backend/app.py out/model.json`` uses
the one of the standard library), and it needs NumPy and custval only: neither pandas nor scikit-learn is imported.

    POST /score   {"tenure": 14, "margin": 32.5, "columns": {"contract": "one year", ...}}
      -> {"p_leave_3m": .021, "by_cause": {...}, "expected_months": 22.9, "value": 690.1, "reasons": [...]}
    GET  /columns -> {"columns": [...]}
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from custval import artifact, clv

HORIZON = 24
MONTHLY_DISCOUNT = 0.01
MOST_BYTES = 100_000
Answer = tuple[str, dict[str, Any]]


def make_app(path: str) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
    """Return the application for the model at `path`, read once; it never changes, so threads may share it."""
    model = artifact.load(path)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, body = _route(model, environ)
        payload = json.dumps(body).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(payload)))])
        return [payload]

    return app


def _route(model: Any, environ: dict[str, Any]) -> Answer:
    asked = (environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/"))
    if asked == ("GET", "/columns"):
        return "200 OK", {"columns": model.encoder_.input_names}
    if asked != ("POST", "/score"):
        return "404 Not Found", {"error": "POST /score or GET /columns"}
    try:
        return "200 OK", score(model, _read(environ))
    except (ValueError, TypeError) as wrong:  # InputError is a ValueError: its words are made for the caller
        return "400 Bad Request", {"error": str(wrong)}


def _read(environ: dict[str, Any]) -> dict[str, Any]:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if not 0 < length <= MOST_BYTES:
        raise ValueError(f"the body must hold 1 to {MOST_BYTES} bytes of JSON")
    asked = json.loads(environ["wsgi.input"].read(length))
    if not isinstance(asked, dict) or not isinstance(asked.get("columns"), dict) or "tenure" not in asked:
        raise ValueError('the body must be {"tenure": months, "columns": {...}, "margin": money a month or left out}')
    return asked


def score(model: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Return risk, cause, months, value and reasons of one customer."""
    X = {name: np.array([value], dtype=object) for name, value in asked["columns"].items()}
    given = [float(asked["tenure"])]
    survival = model.predict_survival(X, np.arange(1, HORIZON + 1), given=given)
    causes = model.predict_incidence(X, [3], given=given)[0, :, 0]
    answer = {
        "p_leave_3m": round(float(1 - survival[0, 2]), 6),
        "by_cause": {cause: round(float(p), 6) for cause, p in zip(model.causes_, causes, strict=True)},
        "expected_months": round(float(model.expected_lifetime(X, HORIZON, given=given)[0]), 3),
        "reasons": [reason for reason in model.reasons(X, top=3).words[0] if reason is not None],
    }
    if asked.get("margin") is not None:
        worth = clv.discounted_value(survival, float(asked["margin"]), monthly_discount=MONTHLY_DISCOUNT)
        answer["value"] = round(float(worth[0]), 2)
    return answer


def main() -> None:
    """Serve the model named on the command line on this machine only."""
    from wsgiref.simple_server import make_server

    with make_server("127.0.0.1", 8000, make_app(sys.argv[1])) as server:
        print("http://127.0.0.1:8000/columns")
        server.serve_forever()


if __name__ == "__main__":
    main()
