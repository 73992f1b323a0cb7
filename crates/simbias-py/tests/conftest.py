"""Data that several tests use."""

import numpy as np
import pytest

PEOPLE = 400


@pytest.fixture(scope="session")
def people():
    """A table of numbers, categories, dates and missing cells; the outcome follows income, and the ward a little."""
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(7)
    income = rng.normal(size=PEOPLE)
    ward = rng.choice(["north", "south", "east"], size=PEOPLE)
    outcome = income + 0.5 * (ward == "north") + 0.3 * rng.normal(size=PEOPLE) > 0.2
    return pandas.DataFrame(
        {
            "income": income.round(3),
            "age": rng.integers(18, 90, size=PEOPLE),
            "ward": ward,
            "seen": pandas.Timestamp("2024-01-01") + pandas.to_timedelta(rng.integers(0, 600, size=PEOPLE), unit="D"),
            "outcome": np.where(outcome, "ill", "well"),
        }
    )


@pytest.fixture(scope="session")
def rows():
    """Rows of numbers whose label follows the first column alone."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(500, 3)).astype("float32")
    y = (X[:, 0] + 0.2 * rng.normal(size=500) > 0).astype(int)
    return X, y
