"""Checkpoints in memory and on disk."""

import numpy as np
import pytest
import simbias


@pytest.fixture(scope="module")
def state():
    rng = np.random.default_rng(0)
    return {f"layers.{index}.weight": rng.normal(size=(80, 64)).astype("float32") for index in range(4)}


def test_rates_go_into_groups_of_torch(state):
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(*(torch.nn.Linear(64, 80) for _ in range(3)))
    rates = simbias.learning_rates(module, 0.1, progress=False)
    groups = rates.param_groups(module)
    assert sum(len(group["params"]) for group in groups) == 6
    torch.optim.SGD(groups, lr=0.1)
    assert set(rates.rates) == {"0.weight", "1.weight", "2.weight"}


def test_all_types_of_a_state_dict(state):
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(state["layers.0.weight"])
    expected = None
    for kind in (torch.float64, torch.float32):
        layers = simbias.spectrum({"a.weight": tensor.to(kind), "steps": torch.tensor(3)}, progress=False).rows("layers")
        expected = expected or layers
        assert layers[0]["layer"] == expected[0]["layer"]
    for kind in (torch.bfloat16, torch.float16):
        assert simbias.spectrum({"a.weight": tensor.to(kind).T}, progress=False).rows("layers")


def test_sparsities_meet_their_target(state):
    ratios = simbias.sparsities(state, 0.6, progress=False).ratios
    assert np.isclose(np.mean(list(ratios.values())), 0.6, atol=1e-9)


def test_a_pruned_checkpoint_has_the_zeros(state, tmp_path):
    done = simbias.prune(state, tmp_path / "pruned", sparsity=0.5, progress=False)
    assert any(path.suffix == ".safetensors" for path in done.folder.rglob("*"))


def test_what_is_no_checkpoint_is_told(tmp_path):
    for model, words in [
        (3, "a path, a state dict or a module"),
        ({}, "holds no tensors"),
        ({"a": np.zeros((4, 4), dtype=complex)}, "complex128"),
        (tmp_path / "absent.safetensors", "absent.safetensors"),
    ]:
        with pytest.raises(simbias.InputError) as caught:
            simbias.spectrum(model, progress=False)
        assert words in str(caught.value)


def test_claims_are_a_table():
    claims = simbias.claims()
    assert {"P2-C1", "P8-C1"} <= {claim["id"] for claim in claims}


def test_synthesized_data_are_rows_for_all(tmp_path):
    made = simbias.synth("slab", tmp_path / "lms5.safetensors", n=2000, seed=3)
    assert made.blocks is not None
    arrays = made.arrays()
    X, y = arrays["x_test"], arrays["y_test"]
    found = simbias.reliance(lambda rows: rows.sum(axis=1), made.path, blocks=made.blocks, progress=False)
    assert found.to_dict()["n"] == len(X) == len(y)
    with pytest.raises(simbias.InputError, match="slab, domino or stand-in"):
        simbias.synth("spiral", tmp_path / "no.safetensors")
