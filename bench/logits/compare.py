"""Logits and perplexity of SmolLM2 beside transformers and llama.cpp on the same GGUF file and the same tokens."""

import argparse
import os
import pathlib
import subprocess

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np  # noqa: E402

TEXTS = [
    "The capital of France is Paris.",
    "In 1984 the naïve café – now closed – sold 12,345 cups; why, nobody knows.\n\nIts owner said: \"We were tired.\"\n",
    "def add(left, right):\n    # 64 bits\n    return left + right\n\nprint(add(19, 23))\n",
]
# Restored weights in 32 bits: rounding only. Quantised arithmetic of llama.cpp: activations are rounded to 8 bits.
EXACT_TOLERANCE = 2e-3
QUANTISED_RMS = 0.5


def ours(program, model, text, work):
    file, out = work / "text.txt", work / "logits.f32"
    file.write_text(text, newline="")
    tokens = subprocess.check_output([program, model, file, out], text=True).split()
    logits = np.fromfile(out, dtype=np.float32).reshape(len(tokens), -1)
    return [int(token) for token in tokens], logits


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=pathlib.Path, required=True, help="the built program token_logits")
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    found = [ours(arguments.program, arguments.model, text, arguments.work) for text in TEXTS]

    import torch
    from transformers import AutoModelForCausalLM

    peer = AutoModelForCausalLM.from_pretrained(arguments.model.parent, gguf_file=arguments.model.name,
                                                dtype=torch.float32).eval()
    for tokens, logits in found:
        with torch.no_grad():
            expected = peer(torch.tensor([tokens])).logits[0].numpy()
        worst = np.abs(logits - expected).max()
        print(f"transformers, restored weights: {len(tokens)} tokens, largest difference {worst:.1e}, "
              f"deviation of logits {expected.std():.1f} (allowed {EXACT_TOLERANCE:.0e})")
        if not worst < EXACT_TOLERANCE:
            raise SystemExit("the logits differ")
    try:
        from llama_cpp import Llama
    except ImportError:
        print("llama-cpp-python is not installed; skipped")
        return
    peer = Llama(str(arguments.model), n_ctx=512, logits_all=True, verbose=False)
    for text, (tokens, logits) in zip(TEXTS, found):
        own = peer.tokenize(text.encode(), add_bos=True, special=False)
        if own != tokens:
            raise SystemExit(f"llama.cpp finds different tokens in {text!r}")
        peer.reset()
        peer.eval(tokens)
        expected = np.array(peer.scores[: len(tokens)])
        rms = np.sqrt(np.mean((logits - expected) ** 2))
        same = np.mean(logits.argmax(1) == expected.argmax(1))
        print(f"llama.cpp, quantised arithmetic: {len(tokens)} tokens, the same; root mean square difference {rms:.2f} "
              f"(allowed {QUANTISED_RMS}), same best token at {100 * same:.0f} %")
        if not rms < QUANTISED_RMS:
            raise SystemExit("the logits differ by more than quantisation explains")


if __name__ == "__main__":
    main()
