"""Compares block reliance with three permutation-importance libraries on one network and the same rows.

There are two kinds of comparison. If a peer draws its own permutations, means over many repeats must agree within
four standard errors of their difference, which include the permutation noise of both libraries. If a peer takes a
permutation from outside, it gets ours, and the figures must agree up to single precision.
"""

import argparse
import json
import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import captum
import mlxtend
import numpy as np
import onnx
import sklearn
import torch
from captum.attr import FeaturePermutation
from mlxtend.evaluate import feature_importance_permutation
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file
from sklearn.inspection import permutation_importance
from sklearn.metrics import roc_auc_score

STANDARD_ERRORS = 4.0
# A score that is rounded differently in single precision may swap ranks with its neighbour.
SAME_PERMUTATION = 1e-4
N_FEATURES = 8
# The second and third block hold correlated columns, so that moving them apart shows.
BLOCKS = {"first": [0], "second": [1, 2, 3], "third": [4, 5, 6, 7]}


@dataclass
class Row:
    """One line of the table; `allowed` is None where nothing is judged."""

    peer: str
    figure: str
    gap: float
    allowed: float | None
    remark: str = ""

    @property
    def agrees(self):
        return self.allowed is None or self.gap <= self.allowed


def make_rows(n_rows, rng):
    shared = rng.normal(size=(n_rows, 3))
    source = np.repeat([0, 1, 2], [1, 3, 4])
    own = rng.normal(size=(n_rows, N_FEATURES))
    return (0.8 * shared[:, source] + 0.6 * own).astype(np.float32)


def make_network(seed):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Linear(N_FEATURES, 24), torch.nn.ReLU(), torch.nn.Linear(24, 1)
    ).eval()


class Fitted:
    """A trained network in the form that scikit-learn expects."""

    def __init__(self, network):
        self.network = network

    def fit(self, rows, labels):
        raise NotImplementedError("it is trained already")


def score(network, rows):
    with torch.no_grad():
        return network(torch.from_numpy(np.ascontiguousarray(rows)))[:, 0].numpy()


def write_onnx(network, path):
    nodes, weights, at = [], [], "rows"
    for index, layer in enumerate(network):
        to = "score" if index == len(network) - 1 else f"h{index}"
        if isinstance(layer, torch.nn.Linear):
            names = [f"weight{index}", f"bias{index}"]
            for name, value in zip(names, (layer.weight, layer.bias)):
                weights.append(numpy_helper.from_array(value.detach().numpy(), name))
            nodes.append(helper.make_node("Gemm", [at, *names], [to], transB=1))
        else:
            nodes.append(helper.make_node("Relu", [at], [to]))
        at = to
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", N_FEATURES])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n", 1])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


class Simbias:
    """The program, on files in a folder of its own."""

    def __init__(self, program, work, seed):
        self.program, self.work, self.seed, self.n_calls = program, work, seed, 0

    def call(self, *arguments):
        self.n_calls += 1
        out = self.work / f"out-{self.n_calls}"
        command = [self.program, "reliance", *map(str, arguments), "--out", out]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
        return out, done.stdout

    def data(self, blocks, repeats):
        form = ";".join(f"{name}={','.join(map(str, cols))}" for name, cols in blocks.items())
        return (
            *("--data", self.work / "X.npy", "--labels", self.work / "y.npy", "--blocks", form),
            *("--repeats", repeats, "--seed", self.seed, "--no-complement"),
        )

    def run(self, blocks, repeats, metric):
        model = ("--model", self.work / "network.onnx", "--metric", metric, "--json")
        return json.loads(self.call("run", *self.data(blocks, repeats), *model)[1])

    def plan(self, blocks, repeats):
        return self.call("plan", *self.data(blocks, repeats), "--quiet")[0]

    def score(self, plan, scores):
        return json.loads(self.call("score", "--plan", plan, "--scores", scores, "--json")[1])


def drops(result):
    """Standard minus randomized, per block and repeat."""
    return {
        block["name"]: result["auc_std"]["value"] - np.array(block["randomized"]["per_repeat"])
        for block in result["blocks"]
    }


def largest_gap(ours, theirs):
    """The largest difference of two means in standard errors of the difference."""
    worst = 0.0
    for one, other in zip(ours, theirs, strict=True):
        error = math.sqrt(one.var(ddof=1) / one.size + other.var(ddof=1) / other.size)
        gap = abs(one.mean() - other.mean())
        worst = max(worst, gap / error if error > 0 else (0.0 if gap == 0 else math.inf))
    return worst


def beside_sklearn(simbias, network, rows, labels, repeats, seed):
    blocks = {f"column {column}": [column] for column in range(N_FEATURES)}
    ours = drops(simbias.run(blocks, repeats, "auc"))
    importance = permutation_importance(
        Fitted(network),
        rows,
        labels,
        scoring=lambda model, rows, labels: roc_auc_score(labels, score(model.network, rows)),
        n_repeats=repeats,
        random_state=seed,
    )
    gap = largest_gap(ours.values(), importance.importances)
    return [Row("scikit-learn", "AUC drop, single columns (SE)", gap, STANDARD_ERRORS)]


def beside_mlxtend(simbias, network, rows, labels, repeats, seed):
    ours = drops(simbias.run(BLOCKS, repeats, "accuracy")).values()
    settings = {"metric": "accuracy", "num_rounds": repeats, "seed": seed}

    def predict(rows):
        return (score(network, rows) > 0).astype(labels.dtype)

    handed = rows.copy()
    groups = [cols if len(cols) > 1 else cols[0] for cols in BLOCKS.values()]
    _, of_groups = feature_importance_permutation(
        handed, labels, predict, feature_groups=groups, **settings
    )
    spoilt = not np.array_equal(handed, rows)

    def gather(numbers):
        changed = np.empty_like(rows)
        for place, columns in enumerate(BLOCKS.values()):
            changed[:, columns] = rows[numbers[:, place]][:, columns]
        return changed

    # One column a block, holding the number of the row that the block comes from.
    numbers = np.repeat(np.arange(len(rows))[:, None], len(BLOCKS), axis=1)
    _, of_numbers = feature_importance_permutation(
        numbers, labels, lambda numbers: predict(gather(numbers)), **settings
    )
    return [
        Row(
            "mlxtend",
            "accuracy drop, blocks by row number (SE)",
            largest_gap(ours, of_numbers),
            STANDARD_ERRORS,
        ),
        Row(
            "mlxtend",
            "accuracy drop, feature_groups (SE)",
            largest_gap(ours, of_groups),
            # Its loop over a group counts columns from 0, shuffles each by itself and restores others.
            None if spoilt else STANDARD_ERRORS,
            "it shuffled columns outside the group and left them so" if spoilt else "",
        ),
    ]


def beside_captum(simbias, network, rows, labels, repeats):
    ours = simbias.run(BLOCKS, repeats, "auc")
    plan_folder = simbias.plan(BLOCKS, repeats)
    plan = json.loads((plan_folder / "plan.json").read_text())
    donors = load_file(plan_folder / "donors.safetensors")["donors"].astype(np.int64)
    inputs = torch.from_numpy(rows)
    mask = torch.empty((1, N_FEATURES), dtype=torch.long)
    for place, columns in enumerate(BLOCKS.values()):
        mask[0, columns] = place
    standard = score(network, rows)

    by_repeat = []
    for donor in torch.from_numpy(donors):
        permute = FeaturePermutation(
            lambda rows: network(rows)[:, 0],
            perm_func=lambda rows, inside, donor=donor: torch.where(inside, rows[donor], rows),
        )
        with torch.no_grad():
            by_repeat.append(permute.attribute(inputs, feature_mask=mask).numpy())
    first_column = {name: columns[0] for name, columns in BLOCKS.items()}
    scores, gap = [], 0.0
    per_repeat = {block["name"]: block["randomized"]["per_repeat"] for block in ours["blocks"]}
    for job in plan["jobs"]:
        if job["block"] is None:
            scores.append(standard)
            continue
        # Captum answers with the change of each row's score.
        scores.append(standard - by_repeat[job["repeat"]][:, first_column[job["block"]]])
        theirs = roc_auc_score(labels, scores[-1])
        gap = max(gap, abs(theirs - per_repeat[job["block"]][job["repeat"]]))

    file = simbias.work / "scores.safetensors"
    save_file({"scores": np.stack(scores).astype(np.float32)}, file, {"plan_hash": plan["hash"]})
    scored = drops(simbias.score(plan_folder, file))
    between = max(np.abs(scored[name] - drop).max() for name, drop in drops(ours).items())
    return [
        Row("Captum", "AUC, same permutation, run", gap, SAME_PERMUTATION),
        Row("Captum", "AUC drop, same permutation, plan + score", between, SAME_PERMUTATION),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, help="the built simbias")
    parser.add_argument("--work", required=True, type=Path, help="an empty folder")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    rng = np.random.default_rng(options.seed)
    rows = make_rows(options.rows, rng)
    network = make_network(options.seed)
    clean = score(network, rows)
    with torch.no_grad():
        network[-1].bias -= float(np.median(clean))
    clean = score(network, rows)
    labels = (clean + 0.5 * clean.std() * rng.normal(size=len(clean)) > 0).astype(np.int64)
    np.save(options.work / "X.npy", rows)
    np.save(options.work / "y.npy", labels)
    write_onnx(network, options.work / "network.onnx")

    simbias = Simbias(options.program, options.work, options.seed)
    common = (simbias, network, rows, labels, options.repeats)
    table = [
        *beside_sklearn(*common, options.seed),
        *beside_mlxtend(*common, options.seed),
        *beside_captum(*common),
    ]
    print(
        f"{options.rows} rows, {N_FEATURES} columns, {len(BLOCKS)} blocks, {options.repeats} repeats; "
        f"scikit-learn {sklearn.__version__}, mlxtend {mlxtend.__version__}, "
        f"Captum {captum.__version__}, PyTorch {torch.__version__}"
    )
    print(f"{'peer':<13} {'figure':<42} {'largest gap':>11} {'allowed':>8}  verdict")
    for row in table:
        allowed = "" if row.allowed is None else f"{row.allowed:.0e}"
        if row.allowed == STANDARD_ERRORS:
            allowed = f"{row.allowed:.1f}"
        verdict = "agrees" if row.agrees else "DIFFERS"
        if row.allowed is None:
            verdict = f"not judged: {row.remark}"
        print(f"{row.peer:<13} {row.figure:<42} {row.gap:>11.2g} {allowed:>8}  {verdict}")
    return 0 if all(row.agrees for row in table) else 1


if __name__ == "__main__":
    sys.exit(main())
