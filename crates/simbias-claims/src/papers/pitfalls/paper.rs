//! Paper 02 in our own words.

use crate::Paper;

/// The paper.
pub const PAPER: Paper = Paper {
    number: "02",
    slug: "pitfalls",
    title: "The Pitfalls of Simplicity Bias in Neural Networks",
    reference: "Shah, Tamuly, Raghunathan, Jain, Netrapalli; NeurIPS 2020; arXiv 2006.07710",
    address: "https://arxiv.org/abs/2006.07710",
    summary: &[
        "Data often have several features that each predict the label. Which of them does a network use after training? \
            The paper's answer: often the simplest one alone. The network stays blind to the others, even where they \
            are more robust or would get more rows right.",
        "To know which feature is simple, the authors build data from blocks. In a linear block one threshold separates \
            the classes. In a k-slab the classes lie in k bands that alternate, so that more bands ask for a boundary of \
            more pieces. LMS-k has one linear block among k-slabs, MS-(5,7) has one 5-slab among 7-slabs, and in hatLMS-k \
            the linear block is noisy, so that it cannot give every label. Dominoes put a digit of MNIST above an image \
            of CIFAR-10.",
        "The measure is randomization. Replace a block by the same block of randomly chosen other rows, and look at what \
            happens to AUC, accuracy and logits. S is the simplest block and Sc is everything else. If the network falls \
            to chance when S is randomized and does not change when Sc is, it depends on S alone.",
        "The paper then shows what this costs: accuracy on the training distribution itself, universal perturbations that \
            lie in S and fool other architectures as well, ensembles that gain little, and adversarial training that does \
            not widen what the network looks at. A theorem shows the effect for networks with one hidden layer.",
    ],
    notes: &[
        "The paper defines its AUC by precision and recall. Its code computes the ROC-AUC, and so do we.",
        "10 % noise means that 10 % of all rows are corrupted, in training and test. By luck half of them keep the right \
            sign, so that the noisy block alone reaches 95 %.",
        "Some captions contradict the text or the columns below them: figure 3 (which logits stay as they are), table 6 \
            (LMS-5 for LMS-7) and table 11 (which half is randomized). We follow the text and the official notebooks.",
        "The official notebooks choose the best step on test rows. Here validation rows choose it.",
        "The official universal perturbation takes the sign of the row's label, which an attacker must know. It is judged \
            here as in the official code, on rows that it was not fitted on; the unsigned one is among the controls.",
        "On the CPU a stand-in takes the place of MNIST-CIFAR: a digit above drawn glyphs. A stand-in is not the paper's \
            data, and the caveats of a claim name it.",
        "P2-C16 has five seeds in the release's ledger. With the usual three it was inconclusive, and two were added \
            after that was known. Readers who consider this a second look should read its verdict with that in mind.",
    ],
};
