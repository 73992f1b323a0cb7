"""Times training steps of simbias and of PyTorch, in turns, and prints the ratio of the medians."""

import argparse
import json
import pathlib
import statistics
import subprocess
import time

import torch
from torch import nn


def fcn():
    layers = [nn.Linear(50, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 2)]
    return nn.Sequential(*layers), torch.randn(2048, 50), 256, 400


def cnn():
    layers = [
        nn.Conv2d(1, 16, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d((3, 2)),
        nn.Flatten(),
        nn.Linear(192, 64),
        nn.ReLU(),
        nn.Linear(64, 2),
    ]
    return nn.Sequential(*layers), torch.randn(2048, 1, 28, 28), 64, 40


def pytorch_ms(build):
    """The best of five runs, as on the other side; rows are gathered by a shuffled index in each step."""
    model, rows, batch, n_steps = build()
    classes = torch.arange(len(rows)) % 2
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=5e-5)
    best = float("inf")
    for _ in range(5):
        order = torch.randperm(len(rows)).repeat(n_steps * batch // len(rows) + 1)
        start = time.perf_counter()
        for step in range(n_steps):
            chosen = order[step * batch : (step + 1) * batch]
            loss = nn.functional.cross_entropy(model(rows[chosen]), classes[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        best = min(best, (time.perf_counter() - start) / n_steps)
    return best * 1e3


arguments = argparse.ArgumentParser()
arguments.add_argument("programs", type=pathlib.Path)
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--rounds", type=int, default=5)
options = arguments.parse_args()
torch.set_num_threads(options.threads)
threads = str(options.threads)

ours, theirs = {"fcn_ms": [], "cnn_ms": []}, {"fcn_ms": [], "cnn_ms": []}
for _ in range(options.rounds):
    command = [options.programs / "step_speed", threads]
    for name, value in json.loads(subprocess.check_output(command)).items():
        ours[name].append(value)
    theirs["fcn_ms"].append(pytorch_ms(fcn))
    theirs["cnn_ms"].append(pytorch_ms(cnn))

print(f"{options.threads} threads, medians of {options.rounds} rounds, PyTorch {torch.__version__}")
for name, title in (("fcn_ms", "(100,2) FCN, batch 256"), ("cnn_ms", "small CNN, batch 64")):
    mine, peer = statistics.median(ours[name]), statistics.median(theirs[name])
    print(f"{title:<24} simbias {mine:7.3f} ms  PyTorch {peer:7.3f} ms  PyTorch / simbias {peer / mine:.2f}")
print()
print(subprocess.check_output([options.programs / "layer_cost", threads], text=True), end="")
