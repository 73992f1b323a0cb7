//! Paper 08 in our own words.

use crate::Paper;

/// The paper.
pub const PAPER: Paper = Paper {
    number: "08",
    slug: "spectra",
    title: "Eigenspectrum Analysis of Neural Networks without Aspect Ratio Bias",
    reference: "Hu, Goel, Killiakov, Yang; ICML 2025; PMLR 267:24290-24313; arXiv 2506.06280",
    address: "https://arxiv.org/abs/2506.06280",
    summary: &[
        "The squared singular values of a weight matrix are its spectrum. A heavy upper tail, that is, a few directions \
            far stronger than the others, is read as a sign of good training. A power law is fitted to the tail, and its \
            exponent alpha is the measure: a small alpha means well trained, a large one means close to random. Tools \
            give every layer its own learning rate (TempBalance) or its own sparsity (AlphaPruning) by its alpha.",
        "The paper points out that alpha also depends on the shape of the matrix. A thin matrix looks less trained than \
            a square one, whatever its training was. Its remedy, FARMS, cuts every matrix into overlapping windows of one \
            shape, pools the spectra of the windows and fits one exponent to the pool.",
        "The paper reports that learning rates and sparsities by these exponents beat those by plain ones: a lower \
            perplexity of pruned language models, a higher accuracy on CIFAR-100, a lower error of fine-tuned scientific \
            models.",
    ],
    notes: &[
        "We could not open the full text. Figures of the paper come from its abstract and from a secondary summary, \
            settings from the official code; the source of each is named. Other values of its tables are not known to us.",
        "The authors' own exponents of LLaMA-7B, which their repository contains, rank the layers nearly alike with and \
            without windows (Spearman .935). FARMS with 10 × 10 and with 15 × 15 windows differs by .31 on average and \
            by up to 2.04. So the noise of the fit that was used is about as large as the effect.",
        "For pruned language models the strength of the allocation was searched for each method on the test perplexity.",
        "P8-C9, P8-C10 and P8-C11 belong together: all prune the same small character transformer, by exponents, by \
            windows, and as a control by protecting the first block alone.",
    ],
};
