"""Ctrl-C ends long work within a second, and what can be resumed is kept."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import simbias

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")

LONG = """
import sys, time, numpy as np, simbias
rng = np.random.default_rng(0)
X = rng.normal(size=(20000, 40)).astype("float32")
y = (X[:, 0] * X[:, 1] > 0).astype(int)
print("begun", flush=True)
try:
    simbias.audit(X, y, out=sys.argv[1], progress=False, minutes=600, max_steps=100000, threads=1)
except KeyboardInterrupt as stopped:
    print("stopped", time.time(), stopped, flush=True)
"""


def test_an_audit_stops_within_a_second_and_can_be_resumed(tmp_path):
    place = tmp_path / "run"
    process = subprocess.Popen([sys.executable, "-c", LONG, str(place)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().strip() == "begun"
    checkpoint = tmp_path / "run.checkpoint"
    waited = time.monotonic()
    while not checkpoint.exists() and time.monotonic() - waited < 120:
        time.sleep(0.1)
    assert checkpoint.exists(), "the state of the training is kept while it goes on"
    asked = time.time()
    process.send_signal(signal.SIGINT)
    words = process.stdout.readline().split(maxsplit=2)
    assert words[0] == "stopped" and float(words[1]) - asked < 1.5, words
    assert "resume=" in words[2] or "resume" in words[2]
    process.wait(timeout=30)
    assert not place.exists()


def test_a_model_that_takes_long_is_stopped(tmp_path):
    script = """
import time, numpy as np, simbias
X = np.random.default_rng(0).normal(size=(400, 3))
def model(rows):
    time.sleep(0.05)
    return rows[:, 0]
print("begun", flush=True)
try:
    simbias.reliance(model, X, X[:, 0] > 0, repeats=1000, progress=False)
except KeyboardInterrupt:
    print("stopped", time.time(), flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().strip() == "begun"
    time.sleep(1)
    asked = time.time()
    process.send_signal(signal.SIGINT)
    words = process.stdout.readline().split()
    assert words[0] == "stopped" and float(words[1]) - asked < 1.5, words
    process.wait(timeout=30)


def test_other_threads_run_meanwhile():
    import threading

    ticks = []
    done = threading.Event()

    def tick():
        while not done.wait(0.005):
            ticks.append(None)

    thread = threading.Thread(target=tick)
    thread.start()
    rng = np.random.default_rng(0)
    started = time.monotonic()
    simbias.spectrum({"a.weight": rng.normal(size=(700, 700)).astype("float32")}, progress=False)
    elapsed = time.monotonic() - started
    done.set()
    thread.join()
    assert len(ticks) > elapsed / 0.005 / 10, "the interpreter is free while a command works"
