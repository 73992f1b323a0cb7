"""The package and the program give the same numbers, to the last digit."""

import json
import subprocess
import sys

import numpy as np
import pytest
import simbias

QUICK = {"quick": True, "remedies": "none", "max_steps": 60, "solo_steps": 40}
QUICK_FLAGS = ["--quick", "--remedies", "none", "--max-steps", "60", "--solo-steps", "40"]
# What says how a run was called, where its rows lay and how long it took.
CALLED = {"command", "settings", "inputs", "started", "wall_seconds", "cpu_seconds", "seconds", "path", "name", "data"}


def program(*words, folder):
    done = subprocess.run(
        [sys.executable, "-m", "simbias", *map(str, words), "--quiet", "--out", str(folder)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "result.json").read_text())


def measured(value):
    """A result without what says how it was called."""
    if isinstance(value, dict):
        return {key: measured(inner) for key, inner in value.items() if key not in CALLED}
    if isinstance(value, list):
        return [measured(inner) for inner in value]
    return value


def test_audit_of_a_table(people, tmp_path):
    people.to_csv(tmp_path / "people.csv", index=False)
    told = program("audit", tmp_path / "people.csv", "--labels", "outcome", *QUICK_FLAGS, folder=tmp_path / "run")
    found = simbias.audit(people, "outcome", progress=False, **QUICK)
    assert measured(found.to_dict()) == measured(told)


def test_audit_of_arrays(rows, tmp_path):
    X, y = rows
    np.savez(tmp_path / "rows.npz", x=X, y=y)
    told = program("audit", tmp_path / "rows.npz", "--labels", "y", *QUICK_FLAGS, folder=tmp_path / "run")
    found = simbias.audit(X, y, progress=False, threads=1, **QUICK)
    assert measured(found.to_dict()) == measured(told)


def test_a_path_is_read_as_by_the_program(people, tmp_path):
    people.to_csv(tmp_path / "people.csv", index=False)
    words = ["audit", tmp_path / "people.csv", "--labels", "outcome", "--strata", "ward", *QUICK_FLAGS]
    told = program(*words, folder=tmp_path / "run")
    found = simbias.audit(tmp_path / "people.csv", "outcome", strata="ward", progress=False, **QUICK)
    assert measured(found.to_dict()) == measured(told)


def test_reliance_of_a_saved_network(rows, tmp_path):
    X, y = rows
    np.savez(tmp_path / "rows.npz", x=X, y=y)
    simbias.audit(X, y, progress=False, out=tmp_path / "audit", **QUICK)
    network = tmp_path / "audit" / "network.safetensors"
    if not network.is_file():
        pytest.fail(f"the audit left no network: {sorted(p.name for p in (tmp_path / 'audit').iterdir())}")
    words = ["reliance", "run", "--model", network, "--data", tmp_path / "rows.npz", "--labels", "y"]
    told = program(*words, "--seed", "5", folder=tmp_path / "run")
    found = simbias.reliance(network, X, y, seed=5, progress=False)
    assert measured(found.to_dict()) == measured(told)


def test_spectrum_of_a_state_dict(tmp_path):
    rng = np.random.default_rng(0)
    state = {f"layers.{index}.weight": rng.normal(size=(96, 64)).astype("float32") for index in range(3)}
    np.savez(tmp_path / "state.npz", **state)
    told = program("spectrum", tmp_path / "state.npz", folder=tmp_path / "run")
    found = simbias.spectrum(state, progress=False).to_dict()
    assert [layer["name"] for layer in found["layers"]] == [layer["name"] for layer in told["layers"]]
    assert measured(found["layers"]) == measured(told["layers"])
