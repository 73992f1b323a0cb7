"""Tiny models with random weights and their logits by transformers: what tests/it/forward.rs compares with.

Needs torch, transformers, safetensors, gguf, sentencepiece, llama-cpp-python and numpy. Writes one folder per family beside this file, and GGUF files that hold
the weights of `llama` as llama.cpp stores them (rows of queries and keys permuted) with a byte-level tokenizer.
"""

import io
import json
import pathlib

import gguf
import llama_cpp
import numpy as np
import sentencepiece
import torch
from safetensors.torch import save_file
from transformers import (GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, MistralConfig,
                          MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM)

HERE = pathlib.Path(__file__).parent
VOCABULARY = 300
SIZES = dict(vocab_size=VOCABULARY, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=64)
ROPE = dict(rope_type="llama3", rope_theta=500.0, factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
            original_max_position_embeddings=32)
FAMILIES = {
    "llama": LlamaForCausalLM(LlamaConfig(**SIZES, head_dim=8, tie_word_embeddings=False, rms_norm_eps=1e-5)),
    "llama3": LlamaForCausalLM(LlamaConfig(**SIZES, head_dim=6, tie_word_embeddings=True, attention_bias=True,
                                           rope_parameters=ROPE)),
    "mistral": MistralForCausalLM(MistralConfig(**SIZES, head_dim=6, sliding_window=48)),
    "qwen2": Qwen2ForCausalLM(Qwen2Config(**SIZES, tie_word_embeddings=True)),
    "gpt2": GPT2LMHeadModel(GPT2Config(vocab_size=VOCABULARY, n_positions=64, n_embd=24, n_layer=2, n_head=4)),
}


def main():
    torch.manual_seed(0)
    for name, model in FAMILIES.items():
        model.eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(torch.randn_like(parameter) * 0.3 + (parameter.dim() == 1) * 0.5)
            tokens = torch.randint(0, VOCABULARY, (40,))
            logits = model(tokens[None]).logits[0]
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        tied = {"lm_head.weight"} if model.config.tie_word_embeddings else set()
        state = {key: value.contiguous() for key, value in model.state_dict().items() if key not in tied}
        save_file(state, folder / "model.safetensors", {"format": "pt"})
        save_file({"tokens": tokens.float(), "logits": logits.contiguous()}, folder / "expected.safetensors")
        (folder / "config.json").write_text(json.dumps(model.config.to_dict(), indent=1) + "\n")
    write_gguf(FAMILIES["llama"], "llama.gguf")
    write_gguf(FAMILIES["llama"], "llama-stretched.gguf", rope_factors())
    write_pieces()


def rope_factors():
    """What llama.cpp stores of LLaMA 3.1's rotary embedding, for heads of 8 and base 10 000: the slowest wave is blended."""
    wave = 2 * np.pi * 10_000.0 ** (np.arange(0, 8, 2) / 8)
    blend = np.clip((8192 / wave - 1) / 3, 0, 1)
    return (1 / ((1 - blend) / 8 + blend)).astype(np.float32)


def write_gguf(model, name, factors=None):
    config = model.config
    writer = gguf.GGUFWriter(HERE / name, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    tokens, merges = byte_tokens()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3] + [1] * (len(tokens) - 1))
    writer.add_token_merges(merges)
    writer.add_bos_token_id(0)
    writer.add_add_bos_token(True)
    names = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    parts = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
             "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
             "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
    for key, value in model.state_dict().items():
        stem = key.removesuffix(".weight")
        if stem.startswith("model.layers."):
            block, part = stem.removeprefix("model.layers.").split(".", 1)
            target = f"blk.{block}.{parts[part]}"
            if part.endswith("q_proj"):
                value = permuted(value, config.num_attention_heads)
            if part.endswith("k_proj"):
                value = permuted(value, config.num_key_value_heads)
        else:
            target = names[stem]
        writer.add_tensor(f"{target}.weight", value.numpy())
    if factors is not None:
        writer.add_tensor("rope_freqs.weight", factors)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def permuted(rows, n_heads):
    """From halves to neighbours: row i of a head's first half comes before row i of its second half."""
    head = rows.shape[0] // n_heads
    return rows.reshape(n_heads, 2, head // 2, -1).transpose(1, 2).reshape(rows.shape).contiguous()


def byte_tokens():
    """A begin token, GPT-2's 256 letters for bytes, and a few merges."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters, next_letter = {}, 256
    for byte in range(256):
        if byte in shown:
            letters[byte] = chr(byte)
        else:
            letters[byte] = chr(next_letter)
            next_letter += 1
    merges = ["t h", "th e", "Ġ the", "1 9", "i n", "Ġ in"]
    tokens = ["<s>"] + [letters[byte] for byte in range(256)] + [merge.replace(" ", "") for merge in merges]
    tokens += [f"<unused{index}>" for index in range(VOCABULARY - len(tokens))]
    return tokens, merges


def write_pieces():
    """A GGUF file with a SentencePiece vocabulary alone, and the tokens of some texts by SentencePiece and llama.cpp."""
    words = "network networks layer layers weight weights learn learns learned learning simple simply feature features".split()
    lines = [f"the {a} of a {b} is what the {c} sees, and nothing else." for a in words for b in words for c in words[:5]]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, model_type="bpe", vocab_size=420, byte_fallback=True,
        character_coverage=1.0, normalization_rule_name="identity", remove_extra_whitespaces=False, minloglevel=2)
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    count = pieces.get_piece_size()
    writer = gguf.GGUFWriter(HERE / "pieces.gguf", "llama")
    for add in (writer.add_context_length, writer.add_embedding_length, writer.add_block_count, writer.add_head_count):
        add(8)
    writer.add_feed_forward_length(8)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([pieces.id_to_piece(index) for index in range(count)])
    writer.add_token_scores([pieces.get_score(index) for index in range(count)])
    kinds = {pieces.is_unknown: 2, pieces.is_control: 3, pieces.is_byte: 6}
    writer.add_token_types([next((kind for test, kind in kinds.items() if test(index)), 1) for index in range(count)])
    writer.add_bos_token_id(pieces.bos_id())
    writer.add_eos_token_id(pieces.eos_id())
    writer.add_unk_token_id(pieces.unk_id())
    writer.add_tensor("token_embd.weight", np.zeros((count, 1), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    texts = ["the network learns a simple feature.", "  two blanks,\n\tthe naïve layerwise weights 1984", "learned", " ",
             "else else  else", "日本 and the networks"]
    cpp = llama_cpp.Llama(str(HERE / "pieces.gguf"), vocab_only=True, verbose=False)
    expected = []
    for text in texts:
        tokens = [pieces.bos_id(), *pieces.encode(text)]
        assert cpp.tokenize(text.encode(), add_bos=True, special=False) == tokens, text
        expected.append({"text": text, "tokens": tokens})
    (HERE / "pieces.json").write_text(json.dumps(expected, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
