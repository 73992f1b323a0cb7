"""Times the selection of slow examples beside scikit-learn. Usage: compare.py PROGRAM [EXAMPLESxCLASSES ...]"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans

SIZES = ["50000x10", "50000x100", "1000000x10"]
RUNS = 3


def outputs(n, classes, rng):
    """Logits with two overlapping groups in every class; a third of the examples is slow."""
    labels = np.arange(n) % classes
    logits = rng.normal(size=(n, classes)).astype(np.float32)
    logits[np.arange(n), labels] += np.where(np.arange(n) // classes % 3 == 0, 1, 4)
    return logits, labels


def losses(logits, labels):
    logits = logits.astype(np.float64)
    top = logits.max(axis=1)
    return np.log(np.exp(logits - top[:, None]).sum(axis=1)) + top - logits[np.arange(len(labels)), labels]


def with_sklearn(logits_file, labels_file):
    start = time.perf_counter()
    logits, labels = np.load(logits_file), np.load(labels_file)
    loss = losses(logits, labels)
    slow, inertia = np.zeros(len(labels), bool), 0.0
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        found = KMeans(2, n_init=10, random_state=0).fit(logits[rows])
        inertia += found.inertia_
        first = found.labels_ == 0
        slow[rows] = first == (loss[rows][first].mean() > loss[rows][~first].mean())
    return time.perf_counter() - start, inertia, int(slow.sum())


def main():
    program, *sizes = sys.argv[1:]
    rng = np.random.default_rng(0)
    is_bad = False
    print("| examples × classes | simbias (s) | scikit-learn (s) | times faster | inertia, simbias to scikit-learn |")
    print("|---|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes or SIZES:
            n, classes = map(int, size.split("x"))
            files = [Path(folder) / "logits.npy", Path(folder) / "labels.npy"]
            for file, array in zip(files, outputs(n, classes, rng)):
                np.save(file, array)
            ours = [json.loads(subprocess.check_output([program, *files])) for _ in range(RUNS)]
            theirs = [with_sklearn(*files) for _ in range(RUNS)]
            best, (peer, inertia, _) = min(run["seconds"] for run in ours), min(theirs)
            ratio = ours[0]["inertia"] / inertia
            is_bad |= ratio > 1.001
            print(f"| {size} | {best:.2f} | {peer:.2f} | {peer / best:.1f} | {ratio:.5f} |", flush=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"\nlargest memory of simbias: {peak:.0f} MiB")
    sys.exit(is_bad)


if __name__ == "__main__":
    main()
