"""What is run: command lines with fixed seeds over the inputs, which lie in the folder `in`.

Order matters where a case takes what an earlier one left.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from . import formats


@dataclass(frozen=True)
class Case:
    """One call of the program."""

    name: str
    words: str
    # The exit code that shows that the case tests what it is meant to test.
    code: int = 0
    # Makes files in the working folder first.
    before: Callable[[Path], None] | None = None
    # Ctrl-C is sent as soon as this file appears; what is said then depends on the moment.
    interrupt_at: str | None = None
    # Whether what it says is kept.
    keeps_words: bool = True
    # Cases without which this one cannot run.
    needs: tuple[str, ...] = ()


def run(name, words, **more):
    """A command that leaves a run directory, named after the case."""
    return Case(name, f"{words} --out {name}", **more)


def refused(name, words, **more):
    """Bad input: one message, exit code 2."""
    return Case(f"refused-{name}", words, code=2, **more)


def score_by_first_column(runs):
    """Scores for all jobs of the plan of `plan`: the first column, taken from the donor where its block is exchanged."""
    first = [line.split(",")[0] for line in (runs / "in/five-two.csv").read_text().splitlines()[1:]]
    plan = json.loads((runs / "plan/plan.json").read_text())
    _, tensors = formats.read_safetensors((runs / "plan/donors.safetensors").read_bytes())
    donors = memoryview(tensors["donors"]).cast("I")
    lines = []
    for job in plan["jobs"]:
        is_moved = job["block"] is not None and (job["block"] == "first") != job["complement"]
        start = (job["repeat"] or 0) * len(first)
        lines.append(",".join(first[donors[start + row]] if is_moved else first[row] for row in range(len(first))))
    (runs / "plan-scores.csv").write_text("\n".join(lines) + "\n")


def tear_network(runs):
    """A network without its description."""
    (runs / "torn").mkdir()
    shutil.copyfile(runs / "train-csv/network.safetensors", runs / "torn/network.safetensors")


def edit_plan(runs):
    """A plan that was changed after it was written."""
    shutil.copytree(runs / "plan", runs / "plan-edited")
    document = runs / "plan-edited/plan.json"
    document.write_text(document.read_text().replace('"seed": 2', '"seed": 3'))


TABLE = "in/table.csv --labels outcome"
# Slow learning, so that no goal ends it before it can be interrupted.
SLOW = "train in/noise.csv --max-steps 6000 --learning-rate 0.000001 --evaluate-every 500 --checkpoint-every 100 --seed 3"
SLOW_AUDIT = "audit in/noise.csv --quick --remedies none --max-steps 4000"
TWO = "--data in/five-two.csv --blocks first=0;others=1..5"
THREE = "--data in/five.csv --repeats 4"
LLAMA = "in/llama.gguf"
CALIBRATED = "--calibration in/old.txt --sequences 4 --length 32"

AUDITS = [
    run("audit-quick", "audit --quick"),
    run("audit-csv", f"audit {TABLE} --strata site --quick --seed 1"),
    run("audit-csv-whole", f"audit {TABLE} --drop site --seed 7"),
    run("audit-group-dro", f"audit {TABLE} --quick --remedies group-dro,rotating-permutation --max-steps 200 --seed 2"),
    run("audit-images", "audit in/images --quick --blocks grid:2x2 --max-steps 60 --solo-steps 30 --remedies last-layer"),
    run("audit-onnx",
        "audit in/five.csv --quick --blocks first=0,1;rest=2..5 --model in/mlp_two_outputs.onnx --model-output rectified"),
]

TRAININGS = [
    run("train-csv", f"train {TABLE} --drop site --max-steps 300 --seed 4"),
    run("train-two", "train in/five-two.csv --max-steps 200 --optimizer momentum --learning-rate 0.05 --weight-decay 0.001"),
    run("train-two-other", "train in/five-two.csv --max-steps 200 --seed 5"),
    run("train-values", "train in/table.csv --labels income --task values --strata site --max-steps 150"),
    Case("train-cut", f"{SLOW} --out train-cut", code=130, interrupt_at="train-cut.checkpoint", keeps_words=False),
    Case("train-resumed", f"{SLOW} --resume train-cut.checkpoint --out train-cut", needs=("train-cut",), keeps_words=False),
    run("train-whole", SLOW),
    run("train-cnn", "train in/images --network cnn --max-steps 30 --batch-size 16 --evaluate-every 10"),
    run("train-resnet18",
        "train in/images-small --network resnet18 --max-steps 3 --batch-size 8 --evaluate-every 3 --optimizer sgd"),
    run("train-farms", f"train {TABLE} --strata site --max-steps 60 --layer-rates farms"),
    run("train-tempbalance", f"train {TABLE} --strata site --max-steps 60 --layer-rates tempbalance"),
    Case("audit-cut", f"{SLOW_AUDIT} --out audit-cut", code=130, interrupt_at="audit-cut.checkpoint", keeps_words=False),
    Case("audit-resumed", f"{SLOW_AUDIT} --resume audit-cut.checkpoint --out audit-cut", needs=("audit-cut",), keeps_words=False),
    run("audit-trained", f"audit {TABLE} --drop site --quick --remedies none --model train-csv", needs=("train-csv",)),
]

RELIANCE = [
    run("reliance-onnx",
        f"reliance run --model in/mlp_dynamic_batch.onnx {THREE} --blocks first=0,1;second=2..5 --pairs --map 0,1"),
    run("reliance-onnx-columns", "reliance run --model in/mlp_softmax.onnx --data in/five.csv --blocks columns --seed 6"),
    run("reliance-onnx-sigmoid",
        "reliance run --model in/mlp_sigmoid_rank1.onnx --data in/five-two.csv --blocks columns --metric ap"),
    run("reliance-onnx-images", "reliance run --model in/cnn_free_sizes.onnx --data in/planes.safetensors --blocks grid:2x2"),
    run("reliance-several", f"reliance run --model in/mlp_dynamic_batch.onnx --model in/mlp_softmax.onnx {THREE}"),
    run("reliance-network", f"reliance run --model train-csv --data {TABLE} --drop site", needs=("train-csv",)),
    run("reliance-swap", f"reliance run --model train-two {TWO} --mode swap --metric accuracy", needs=("train-two",)),
    run("reliance-within", f"reliance run --model train-csv --data {TABLE} --strata site --mode within-stratum --no-complement",
        needs=("train-csv",)),
    run("reliance-fails", f"reliance run --model train-two {TWO} --fail-on dominant,exclusive,shared,redundant,unused,no-signal",
        code=1, needs=("train-two",)),
    run("plan", f"reliance plan {TWO} --repeats 5 --seed 2"),
    run("plan-rows", "reliance plan --data in/images --blocks bands:3 --repeats 1 --materialize"),
    run("score", "reliance score --plan plan --scores plan-scores.csv", before=score_by_first_column, needs=("plan",)),
    run("score-accuracy", "reliance score --plan plan --scores plan-scores.csv --metric accuracy --ci 0.9", needs=("score",)),
    Case("score-json", "reliance score --plan plan --scores plan-scores.csv --json --out score-json", needs=("score",)),
    run("compare-scores", "reliance compare score/result.json score/result.json", needs=("score",)),
    run("compare-audit", "reliance compare audit-csv/result.json audit-csv/result.json", needs=("audit-csv",)),
    run("simplicity", f"reliance simplicity {TWO} --ladder 0,4 --probe-seeds 2 --probe-steps 100 --code-length"),
    run("attack", f"reliance attack --model train-csv --data {TABLE} --drop site --eps 0.6", needs=("train-csv",)),
    run("attack-transfer",
        f"reliance attack --model train-two --model train-two-other {TWO} --eps 0.6 --norm linf --universal signed",
        needs=("train-two", "train-two-other")),
    run("attack-onnx", "reliance attack --model in/mlp_dynamic_batch.onnx --data in/five.csv --eps 0.5 --steps 5"),
]

SYNTH = [
    Case("synth-slab", "synth slab --preset hatlms7 --n 400 --dim 6 --seed 9 --out synth-slab.safetensors"),
    Case("synth-lsn", "synth slab --preset lsn --n 200 --dim 8 --test-fraction 0 --out synth-lsn.safetensors"),
    Case("synth-stand-in",
         "synth stand-in glyph-xor-domino --n-train 60 --n-validation 30 --n-test 30 --out synth-stand-in.safetensors"),
    Case("synth-domino", "synth domino --top in/images --bottom in/images-small --fit --out synth-domino.safetensors"),
    run("train-slab", "train synth-slab.safetensors --max-steps 50", needs=("synth-slab",)),
    run("reliance-slab", "reliance run --model train-slab --data synth-slab.safetensors --blocks synth-slab.blocks.toml",
        needs=("train-slab",)),
]

SPECTRA = [
    run("spectrum-minilm", "spectrum in/minilm.safetensors"),
    run("spectrum-minilm-sparsity", "spectrum sparsity in/minilm.safetensors --target 0.7"),
    run("spectrum-safetensors", "spectrum scan in/weights.safetensors --parquet"),
    run("spectrum-shards", "spectrum scan in/weights-shards"),
    run("spectrum-half", "spectrum scan in/weights-half.safetensors"),
    run("spectrum-torch", "spectrum scan in/weights.pt"),
    run("spectrum-npz", "spectrum scan in/weights.npz"),
    run("spectrum-npy", "spectrum scan in/weights.npy"),
    run("spectrum-gguf", f"spectrum scan {LLAMA}"),
    run("spectrum-gpt2", "spectrum scan in/gpt2 --split-fused"),
    run("spectrum-windows", "spectrum scan in/weights.safetensors --farms 32x3 --fit ks --q 0.5 --exclude norm"),
    run("spectrum-f32", "spectrum in/weights.safetensors --dtype f32"),
    run("spectrum-weightwatcher", "spectrum scan in/weights.safetensors --compat weightwatcher"),
    run("spectrum-official", "spectrum scan in/weights.safetensors --compat official"),
    run("spectrum-strict", "spectrum in/weights-nan.safetensors --strict", code=3),
    run("spectrum-compare", "spectrum compare in/weights.safetensors in/weights-later.safetensors"),
    run("spectrum-track", "spectrum track in/weights.safetensors in/weights-later.safetensors --base-lr 0.1"),
    run("spectrum-lr", "spectrum lr in/weights.safetensors --base-lr 0.1 --map sigmoid"),
    run("spectrum-sparsity", "spectrum sparsity in/weights.safetensors --target 0.6 --mapping layer"),
    run("spectrum-scores", "spectrum sparsity in/weights.safetensors --target 0.5 --mapping layer --score in/scores.csv"),
]

LANGUAGE = [
    run("prune-compare", f"prune compare {LLAMA} {CALIBRATED} --evaluate in/new.txt --context 32 --sparsities 0.5,0.7"
        " --methods magnitude,wanda,sparsegpt --allocations uniform,alpha,farms,owl,permuted,reversed,first-block"),
    run("prune-compare-gpt2", "prune compare in/gpt2 --calibration in/tokens.npy --sequences 3 --length 32"
        " --evaluate in/tokens.npy --context 32 --sparsities 0.5 --allocations uniform,farms"),
    run("prune-wanda", f"prune {LLAMA} --method wanda --sparsity 0.5 --allocation farms {CALIBRATED}"
        " --evaluate in/new.txt --context 32"),
    run("prune-sparsegpt", f"prune in/llama-stretched.gguf --method sparsegpt --pattern 2:4 {CALIBRATED}"),
    run("prune-magnitude", "prune in/qwen2 --sparsity 0.6 --allocation farms"),
    run("prune-shards", "prune in/weights-shards --sparsity 0.5"),
    run("prune-torch", "prune in/weights.pt --sparsity 0.4 --include blocks"),
    run("prune-statistics",
        "prune in/weights.safetensors --method wanda --sparsity 0.5 --statistics in/statistics.npz --include blocks"),
    run("prune-dealt",
        "prune in/weights.safetensors --allocation spectrum-sparsity/sparsities.json", needs=("spectrum-sparsity",)),
    run("perplexity", f"perplexity {LLAMA} in/new.txt --context 32"),
    run("perplexity-mistral", "perplexity in/mistral in/tokens.npy --context 48 --max-chunks 4"),
    run("perplexity-pruned", "perplexity prune-wanda/checkpoint in/new.txt --context 32", needs=("prune-wanda",)),
]

CLAIMS = [
    run("claims-run", "claims run P2-C1 P8-C1 --seeds 2 --ledger ledger.json"),
    run("claims-quick", "claims run all --quick --seeds 1 --ledger ledger.json"),
    run("claims-elsewhere", "claims run P2-C1 --scale full --no-ledger --fail-on not-run", code=1),
    Case("claims-list", "claims list --json --ledger ledger.json", needs=("claims-run",)),
    Case("claims-show", "claims show p2-c1 --ledger ledger.json", needs=("claims-run",)),
    Case("claims-table", "claims table --ledger ledger.json", needs=("claims-run",)),
]

REFUSALS = [
    refused("missing-file", "audit in/absent.csv --out out"),
    refused("nan", "train in/nan.csv --out out"),
    refused("infinite", "reliance plan --data in/infinite.csv --out out"),
    refused("one-class", "audit in/one-class.csv --out out"),
    refused("one-row", "reliance plan --data in/one-row.csv --out out"),
    refused("identifiers", "train in/identifiers.csv --out out"),
    refused("label-column", "train in/table.csv --labels income2 --out out"),
    refused("strata-column", f"audit {TABLE} --strata place --out out"),
    refused("flag-value", f"audit {TABLE} --mode shuffle --out out"),
    refused("unknown-flag", f"train {TABLE} --momentum 0.9 --out out"),
    refused("no-steps", f"train {TABLE} --max-steps 0 --out out"),
    refused("device", f"train {TABLE} --device abacus --out out"),
    refused("network", f"train {TABLE} --network cnn --out out"),
    refused("diverged", f"train {TABLE} --drop site --learning-rate 1e30 --max-steps 50 --out out"),
    refused("remedy", f"audit {TABLE} --remedies hope --out out"),
    refused("resume-other", f"train {TABLE} --resume in/table.csv --out out"),
    refused("taken", f"train {TABLE} --out train-csv", needs=("train-csv",)),
    refused("block-column", f"reliance plan --data {TABLE} --blocks in/far.toml --out out"),
    refused("block-file", f"reliance plan --data {TABLE} --blocks in/torn.toml --out out"),
    refused("block-grid", "reliance plan --data in/images --blocks grid:20x20 --out out"),
    refused("block-overlap", "reliance plan --data in/five.csv --blocks one=0,1;two=1,2 --out out"),
    refused("not-onnx", "reliance run --model in/noise.onnx --data in/five.csv --out out"),
    refused("no-model", "reliance run --model in/table.csv --data in/five.csv --out out"),
    refused("torn-network",
            "reliance run --model torn --data in/five-two.csv --out out", before=tear_network, needs=("train-csv",)),
    refused("other-columns", "reliance attack --model train-csv --data in/five-two.csv --eps 1 --out out", needs=("train-csv",)),
    refused("classes", "reliance run --model in/mlp_dynamic_batch.onnx --data in/five-two.csv --out out"),
    refused("model-output", "reliance run --model in/mlp_two_outputs.onnx --model-output absent --data in/five.csv --out out"),
    refused("radius", f"reliance attack --model train-two {TWO} --eps 0 --out out", needs=("train-two",)),
    refused("scores-shape", "reliance score --plan plan --scores in/scores.csv --out out", needs=("plan",)),
    refused("plan-edited",
            "reliance score --plan plan-edited --scores plan-scores.csv --out out", before=edit_plan, needs=("score",)),
    refused("no-result", "reliance compare score/result.json in/empty.json --out out", needs=("score",)),
    refused("other-rows", "reliance compare audit-trained/result.json reliance-network/result.json --out out",
            needs=("audit-trained", "reliance-network")),
    refused("ladder", f"reliance simplicity {TWO} --ladder wide --out out"),
    refused("preset", "synth slab --preset lms9 --out out.safetensors"),
    refused("damaged-safetensors", "spectrum scan in/damaged.safetensors --out out"),
    refused("noise-safetensors", "spectrum scan in/noise.safetensors --out out"),
    refused("noise-torch", "spectrum scan in/noise.pt --out out"),
    refused("noise-gguf", "perplexity in/noise.gguf in/new.txt --out out"),
    refused("nothing-chosen", "spectrum scan in/weights.safetensors --include nothing --out out"),
    refused("regular-expression", "spectrum scan in/weights.safetensors --include ( --out out"),
    refused("no-common-layer", "spectrum compare in/weights.safetensors in/minilm.safetensors --out out"),
    refused("how-much", "prune in/llama --out out"),
    refused("pattern", "prune in/llama --pattern 4:4 --out out"),
    refused("ratios", "prune in/llama --allocation in/ratios.csv --out out"),
    refused("no-tokenizer", "prune in/llama --method wanda --sparsity 0.5 --calibration in/old.txt --out out"),
    refused("short-text", f"perplexity {LLAMA} in/short.txt --out out"),
    refused("context", f"perplexity {LLAMA} in/new.txt --context 65 --out out"),
    refused("claim", "claims run P9-C9"),
    refused("scale", "claims run P2-C1 --scale huge"),
    refused("ledger", "claims run P2-C1 --ledger in/empty.json"),
]

COMMANDS = ["", "audit", "train", "reliance", "reliance run", "reliance plan", "reliance score", "reliance compare",
            "reliance simplicity", "reliance attack", "spectrum", "spectrum scan", "spectrum compare", "spectrum track",
            "spectrum lr", "spectrum sparsity", "prune", "prune compare", "perplexity", "synth slab", "synth stand-in",
            "synth domino", "claims", "claims list", "claims show", "claims run", "claims table"]
HELP = [Case(f"help-{command.replace(' ', '-') or 'simbias'}", f"{command} --help") for command in COMMANDS]

CASES = AUDITS + TRAININGS + RELIANCE + SYNTH + SPECTRA + LANGUAGE + CLAIMS + REFUSALS + HELP
