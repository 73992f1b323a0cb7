"""Times a block-permutation run of simbias against the same loop in PyTorch and scikit-learn.

Both sides see the same rows, weights and donor maps. simbias computes AUC with DeLong variance, accuracy,
cross-entropy, shift, flips and two KS distances for each evaluation; the peer computes scores and
`roc_auc_score` alone. Results are compared before times.
"""

import argparse
import json
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

N_ROWS, N_FEATURES, WIDTH, REPEATS, N_BLOCKS = 10_000, 50, 100, 30, 2


def make_inputs(work: Path, seed: int):
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    model = torch.nn.Sequential(
        torch.nn.Linear(N_FEATURES, WIDTH),
        torch.nn.ReLU(),
        torch.nn.Linear(WIDTH, WIDTH),
        torch.nn.ReLU(),
        torch.nn.Linear(WIDTH, 2),
    ).eval()
    rows = 2 * torch.rand(N_ROWS, N_FEATURES, generator=generator) - 1
    with torch.no_grad():
        logits = model(rows)
        score = logits[:, 1] - logits[:, 0]
        noise = torch.randn(N_ROWS, generator=generator) * score.std()
        labels = (score + noise > score.median()).numpy().astype(np.uint8)
    rows.numpy().tofile(work / "rows.f32")
    labels.tofile(work / "labels.u8")
    for index, layer in enumerate(m for m in model if isinstance(m, torch.nn.Linear)):
        layer.weight.detach().numpy().tofile(work / f"weight{index}.f32")
        layer.bias.detach().numpy().tofile(work / f"bias{index}.f32")
    return model, rows, labels


def peer(model, rows, labels, donors):
    """Mean AUC of every block and complement: the loop a person would write."""
    blocks = [np.array([0]), np.arange(1, N_FEATURES)]
    aucs = []
    with torch.no_grad():
        for block in blocks:
            rest = np.setdiff1d(np.arange(N_FEATURES), block)
            for columns in (block, rest):
                columns = torch.as_tensor(columns)
                values = []
                for donor in donors:
                    changed = rows.clone()
                    changed[:, columns] = rows[donor][:, columns]
                    logits = model(changed)
                    values.append(roc_auc_score(labels, (logits[:, 1] - logits[:, 0]).numpy()))
                aucs.append(values)
    return aucs


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--binary", required=True)
    arguments.add_argument("--work", required=True, type=Path)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--runs", type=int, default=5)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    model, rows, labels = make_inputs(options.work, seed=0)
    ours, theirs = [], []
    for run in range(options.runs + 1):
        output = subprocess.run(
            [options.binary, str(options.work), str(options.threads), str(REPEATS)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        found = json.loads(output)
        donors = torch.from_numpy(
            np.fromfile(options.work / "donors.u32", dtype=np.uint32)
            .reshape(REPEATS, N_ROWS)
            .astype(np.int64)
        )
        start = time.perf_counter()
        aucs = peer(model, rows, labels, donors)
        seconds = time.perf_counter() - start
        gap = max(abs(a - b) for a, b in zip(sum(found["aucs"], []), sum(aucs, [])))
        assert gap < 1e-4, f"results differ by {gap}"
        if run > 0:  # The first run warms both sides up.
            ours.append(found["seconds"])
            theirs.append(seconds)
    evaluations = 2 * N_BLOCKS * REPEATS
    ratio = statistics.median(t / o for t, o in zip(theirs, ours))
    print(f"rows {N_ROWS}, features {N_FEATURES}, evaluations {evaluations}, threads {options.threads}")
    print(f"largest AUC difference {gap:.1e}")
    print(f"PyTorch + scikit-learn {1e3 * statistics.median(theirs) / evaluations:.2f} ms per evaluation")
    print(f"simbias                {1e3 * statistics.median(ours) / evaluations:.2f} ms per evaluation")
    print(f"ratio {ratio:.2f} (median of {options.runs} paired runs)")


if __name__ == "__main__":
    main()
