"""Runs the cases and keeps what they leave.

In the folder that is kept, `runs` holds what the program wrote, and `said` for every case its words, its exit code and what
it printed.
"""

import json
import os
import signal
import subprocess
import time

from .cases import CASES
from .inputs import make_inputs

THREADS = "2"
# Longer than any case takes beside other work on two cores.
PATIENCE_S = 1800


def keep(binary, inputs, out, only=None):
    """Runs every case (or those whose names contain one of `only`, and what they need); the number of surprises."""
    binary, inputs = binary.resolve(), inputs.resolve()
    if out.exists() and any(out.iterdir()):
        raise SystemExit(f"{out} is not empty: give a new folder with --out")
    make_inputs(inputs)
    runs, said = out / "runs", out / "said"
    runs.mkdir(parents=True)
    said.mkdir()
    link = runs / "in"
    link.symlink_to(inputs, target_is_directory=True)
    surprises = 0
    for case in chosen(only):
        started = time.monotonic()
        try:
            if case.before:
                case.before(runs)
        except OSError as error:
            surprises += 1
            print(f"           {case.name} is left out: {error}", flush=True)
            continue
        code = call(binary, case, runs, said)
        took = time.monotonic() - started
        print(f"{took:7.1f} s  {case.name}", flush=True)
        if code != case.code:
            surprises += 1
            message = (said / f"{case.name}.err").read_text() if case.keeps_words else ""
            print(f"           exit code {code}, expected {case.code}\n{message}", flush=True)
    link.unlink()
    return surprises


def chosen(only):
    """The cases with one of the words in their names, and those that they need, in order."""
    if not only:
        return CASES
    by_name = {case.name: case for case in CASES}
    wanted = set()

    def want(name):
        wanted.add(name)
        for need in by_name[name].needs:
            want(need)

    for case in CASES:
        if any(word in case.name for word in only):
            want(case.name)
    return [case for case in CASES if case.name in wanted]


def call(binary, case, runs, said):
    """Runs one case, keeps its exit code and what it said, and returns the code."""
    words = case.words.split() + ([] if "--help" in case.words else ["--threads", THREADS])
    surroundings = {key: value for key, value in os.environ.items() if not key.startswith("SIMBIAS")}
    surroundings.update(NO_COLOR="1", LC_ALL="C.UTF-8", RUST_BACKTRACE="0")
    with open(said / f"{case.name}.out", "wb") as stdout, open(said / f"{case.name}.err", "wb") as stderr:
        process = subprocess.Popen([str(binary), *words], cwd=runs, env=surroundings, stdin=subprocess.DEVNULL,
                                   stdout=stdout, stderr=stderr)
        if case.interrupt_at:
            while process.poll() is None and not (runs / case.interrupt_at).exists():
                time.sleep(0.005)
            process.send_signal(signal.SIGINT)
        try:
            code = process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
    if not case.keeps_words:
        for stream in ("out", "err"):
            (said / f"{case.name}.{stream}").unlink()
    (said / f"{case.name}.json").write_text(json.dumps({"words": " ".join(words), "code": code}) + "\n")
    return code
