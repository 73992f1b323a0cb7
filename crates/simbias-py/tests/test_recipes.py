"""The recipes of docs/python.md run as they stand, and find what they say."""

import json
import re
import time
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parents[3] / "docs" / "python.md"
RECIPES = dict(re.findall(r"^### (.+?)\n+```python\n(.+?)^```", PAGE.read_text(encoding="utf-8"), re.S | re.M))
NEEDS = {"torch": "torch", "pipeline": "sklearn"}


@pytest.mark.parametrize("title", RECIPES)
def test_recipe(title, tmp_path, monkeypatch, capsys):
    for word, package in NEEDS.items():
        if word in title:
            pytest.importorskip(package)
    if "image" in title:
        pytest.importorskip("sklearn")
    monkeypatch.chdir(tmp_path)
    _write_checkpoint(tmp_path / "checkpoint")
    names = {}
    started = time.monotonic()
    exec(compile(RECIPES[title], title, "exec"), names)
    elapsed = time.monotonic() - started
    said = capsys.readouterr().out
    print(f"{title}: {elapsed:.1f} s")
    if "watermark" in title:
        blocks = sorted(names["found"].rows("blocks"), key=lambda row: -row["necessity"])
        assert blocks[0]["block"] == "lower right" and blocks[0]["necessity low"] > 0.1, blocks[0]
        assert "lower right" in said
    if "pipeline" in title:
        assert "worst" in said or "mean" in said


def test_there_are_recipes():
    assert len(RECIPES) >= 4


def _write_checkpoint(folder):
    """A folder as Hugging Face writes it, with a tiny network."""
    from simbias._checkpoints import _write_safetensors

    folder.mkdir()
    rng = np.random.default_rng(0)
    shapes = {"self_attn.q_proj": (64, 64), "mlp.up_proj": (128, 64), "mlp.down_proj": (64, 128)}
    state = {
        f"model.layers.{layer}.{name}.weight": rng.normal(size=shape).astype("float32")
        for layer in range(2)
        for name, shape in shapes.items()
    }
    _write_safetensors(folder / "model.safetensors", state)
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "num_hidden_layers": 2}))
