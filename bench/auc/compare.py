"""Times scikit-learn's roc_auc_score and simbias's AUC with DeLong variance on the same scores."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import sklearn
from sklearn.metrics import roc_auc_score

TOLERANCE = 1e-12


def score_families(n_rows, rng):
    """Binormal scores, AUC about 0.8: continuous in f64, rounded to f32, and with many ties."""
    labels = rng.integers(0, 2, n_rows).astype(np.uint8)
    scores = rng.normal(size=n_rows) + 1.19 * labels
    yield "continuous", scores, labels
    yield "f32 precision", scores.astype(np.float32).astype(np.float64), labels
    yield "256 values", np.clip(np.round(scores * 32), -128, 127), labels


def time_sklearn(labels, scores, repeats):
    area, milliseconds = roc_auc_score(labels, scores), []
    for _ in range(repeats):
        start = time.perf_counter()
        area = roc_auc_score(labels, scores)
        milliseconds.append((time.perf_counter() - start) * 1e3)
    return area, milliseconds


def time_simbias(program, labels, scores, repeats, threads):
    with tempfile.TemporaryDirectory() as folder:
        score_file, label_file = pathlib.Path(folder, "scores"), pathlib.Path(folder, "labels")
        scores.astype("<f8").tofile(score_file)
        labels.tofile(label_file)
        command = [program, score_file, label_file, str(repeats), str(threads)]
        answer = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return answer["auc"], answer["milliseconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", help="the built program auc_speed")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()

    print(
        f"{options.rows} rows, medians of {options.repeats} runs, scikit-learn {sklearn.__version__}, "
        f"numpy {np.__version__}, simbias on {options.threads} threads"
    )
    print(f"{'scores':<14} {'scikit-learn ms':>16} {'simbias ms':>11} {'ratio':>6} {'gap':>8}")
    ratios, agree = [], True
    for name, scores, labels in score_families(options.rows, np.random.default_rng(0)):
        theirs, their_times = time_sklearn(labels, scores, options.repeats)
        ours, our_times = time_simbias(
            options.program, labels, scores, options.repeats, options.threads
        )
        their_median, our_median = statistics.median(their_times), statistics.median(our_times)
        ratios.append(their_median / our_median)
        agree &= abs(theirs - ours) <= TOLERANCE
        print(
            f"{name:<14} {their_median:>16.2f} {our_median:>11.2f} {ratios[-1]:>6.1f} "
            f"{abs(theirs - ours):>8.1e}"
        )
    print(f"smallest ratio: {min(ratios):.1f}")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
