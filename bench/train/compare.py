"""Times training steps, convolutions and memory of simbias and of PyTorch, in turns, and prints the ratios."""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

import torch
from torch import nn

CONVOLUTIONS = {  # channels, filters, groups, side of the image, kernel, stride
    "3→16, 5×5 at 28²": (3, 16, 1, 28, 5, 1),
    "16→32, 3×3 at 14²": (16, 32, 1, 14, 3, 1),
    "64→64, 3×3 at 32²": (64, 64, 1, 32, 3, 1),
    "128→128, 3×3, stride 2 at 16²": (128, 128, 1, 16, 3, 2),
    "depthwise 128, 7×7 at 28²": (128, 128, 128, 28, 7, 1),
    "256→64, 1×1 at 14²": (256, 64, 1, 14, 1, 1),
}


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


class Block(nn.Module):
    """The basic block of a ResNet."""

    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
            nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(n_out),
        )
        self.shortcut = nn.Sequential()
        if stride != 1 or n_in != n_out:
            pointwise = nn.Conv2d(n_in, n_out, 1, stride, bias=False)
            self.shortcut = nn.Sequential(pointwise, nn.BatchNorm2d(n_out))

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


def resnet():
    """ResNet-18 of width 16 for 32×32 images."""
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    n_in = 16
    for stage, n_out in enumerate((16, 32, 64, 128)):
        for nth in range(2):
            layers.append(Block(n_in, n_out, 2 if stage > 0 and nth == 0 else 1))
            n_in = n_out
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(n_in, 10)]
    return nn.Sequential(*layers), torch.randn(2048, 3, 32, 32), 64, 10


def six_layers():
    layers, n_in = [], 3
    for nth, n_out in enumerate((32, 32, 64, 64, 128, 128)):
        layers += [nn.Conv2d(n_in, n_out, 3, 1, 1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()]
        if nth % 2 == 1:
            layers.append(nn.MaxPool2d(2))
        n_in = n_out
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(n_in, 10)]
    return nn.Sequential(*layers), torch.randn(2048, 3, 32, 32), 64, 10


NETWORKS = {
    "fcn": ("(100,2) FCN, batch 256", fcn),
    "cnn": ("small CNN, batch 64", cnn),
    "resnet": ("ResNet-18, width 16, 32×32, batch 64", resnet),
    "six_layers": ("six layers, 32×32, batch 64", six_layers),
}


def step_ms(build):
    """The best of five runs, as on the other side; rows are gathered by a shuffled index in each step."""
    model, rows, batch, n_steps = build()
    classes = torch.arange(len(rows)) % model[-1].out_features
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


def best_ms(run):
    """The best of the runs that fit into half a second, at least five."""
    begin, best, n = time.perf_counter(), float("inf"), 0
    while n < 5 or time.perf_counter() < begin + 0.5:
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
        n += 1
    return best * 1e3


def convolution_ms(channels, filters, groups, side, kernel, stride):
    """Forward, and backward with the gradients of images and weights."""
    images, weight = torch.randn(64, channels, side, side), torch.randn(filters, channels // groups, kernel, kernel)
    padding = kernel // 2
    with torch.no_grad():
        out = nn.functional.conv2d(images, weight, None, stride, padding, 1, groups)
        forward = best_ms(lambda: nn.functional.conv2d(images, weight, None, stride, padding, 1, groups))
        backward = best_ms(
            lambda: torch.ops.aten.convolution_backward(
                out, images, weight, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], groups, [True, True, False]
            )
        )
    return [forward, backward]


def six_layers_ms():
    model, rows, batch, _ = six_layers()
    images = rows[:batch]
    forward = best_ms(lambda: model(images).sum())
    return [forward, best_ms(lambda: model(images).sum().backward()) - forward]


def peak_mib(command):
    """The largest resident set of a program, in MiB (Linux)."""
    child, peak = subprocess.Popen(command, stdout=subprocess.DEVNULL), 0
    while child.poll() is None:
        # The kernel keeps the maximum; what the child was before it became this program does not count.
        for line in pathlib.Path(f"/proc/{child.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                peak = max(peak, int(line.split()[1]))
        time.sleep(0.02)
    return peak / 1024


arguments = argparse.ArgumentParser()
arguments.add_argument("programs", type=pathlib.Path)
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--rounds", type=int, default=5)
arguments.add_argument("--only", help="train one network in PyTorch and print nothing: for its memory")
options = arguments.parse_args()
torch.set_num_threads(options.threads)
threads = str(options.threads)
if options.only:
    step_ms(NETWORKS[options.only][1])
    sys.exit()

ours, theirs = {name: [] for name in NETWORKS}, {name: [] for name in NETWORKS}
single, theirs_single = [], []
for _ in range(options.rounds):
    for name, value in json.loads(subprocess.check_output([options.programs / "step_speed", threads])).items():
        ours[name].append(value)
    for name, (_, build) in NETWORKS.items():
        theirs[name].append(step_ms(build))
    single.append(json.loads(subprocess.check_output([options.programs / "convolution_speed", threads])))
    measured = {name: convolution_ms(*shape) for name, shape in CONVOLUTIONS.items()}
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    peak = 2 * 1024**3 / 1e6 / best_ms(lambda: a @ b)
    theirs_single.append({**measured, "six layers": six_layers_ms(), "peak": peak})

print(f"{options.threads} threads, medians of {options.rounds} rounds, PyTorch {torch.__version__}")
for name, (title, _) in NETWORKS.items():
    mine, peer = statistics.median(ours[name]), statistics.median(theirs[name])
    print(f"{title:<38} simbias {mine:7.3f} ms  PyTorch {peer:7.3f} ms  PyTorch / simbias {peer / mine:.2f}")

peak = statistics.median(round["peak"] for round in theirs_single)
print(f"\nforward + backward ms, batch 64; share of the matrix product's {peak:.0f} GFLOP/s (1024², PyTorch)")
print(f"{'':<32}{'simbias':>16} {'PyTorch':>16} {'backend':>16}  PyTorch / simbias  backend / simbias  share")
for name in [*CONVOLUTIONS, "six layers"]:
    columns = [
        [statistics.median(round[name][part] for round in rounds) for part in range(2)]
        for rounds in (
            [round["ours"] for round in single],
            theirs_single,
            [round["backend"] for round in single],
        )
    ]
    mine, peer, backend = (sum(column) for column in columns)
    share = ""
    if name in CONVOLUTIONS:
        channels, filters, groups, side, kernel, stride = CONVOLUTIONS[name]
        out = (side + 2 * (kernel // 2) - kernel) // stride + 1
        gflop = 3 * 2 * 64 * filters * out**2 * channels // groups * kernel**2 / 1e9
        share = f"{gflop / mine * 1e3 / peak:6.0%}"
    cells = " ".join(f"{forward:7.2f} +{back:7.2f}" for forward, back in columns)
    print(f"{name:<32}{cells}  {peer / mine:17.2f}  {backend / mine:17.2f} {share}")

mine = peak_mib([options.programs / "step_speed", threads, "resnet"])
script = [sys.executable, __file__, options.programs, "--threads", threads, "--only"]
peer, empty = peak_mib([*script, "resnet"]), peak_mib([*script, "fcn"])
print(f"\npeak memory, ResNet-18: simbias {mine:.0f} MiB, PyTorch {peer:.0f} MiB ({empty:.0f} MiB of it for the FCN)")
