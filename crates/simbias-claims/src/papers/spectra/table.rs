//! The claims of paper 08, with what we expect of each before it is run.
//!
//! The full text could not be read: figures of the paper are those of its abstract and of a secondary summary, settings
//! those of the official code. `Q` is the longer over the shorter side of a matrix; exponents (alpha) are fitted by the
//! median rule unless another is named; windows are square.

use super::block_sparsity::{alpha_beats_uniform, farms_ties, first_block_ties};
use super::fit_stability::fit_stability;
use super::layer_rates::layer_rates;
use super::paper::PAPER;
use super::shape_bias::{bias_exists, windows_remove_it, wrong_diagnosis};
use super::untrained_cnn::first_and_last;
use crate::Availability::{Needs, NotPlanned, Runnable};
use crate::Expectation::{Above, AtLeast, AtMost, Below, Between};
use crate::{Availability, Claim, Criterion, Expectation};

const fn criterion(
    name: &'static str,
    expectation: Expectation,
    unit: &'static str,
    note: &'static str,
) -> Criterion {
    Criterion { name, expectation, unit, note, only_at: None }
}

const LLAMA_7B: Availability = Needs(
    "LLaMA-7B in half precision (13.5 GB), a shard of C4, an accelerator with 40 GB and six seeds",
);
const LLAMA_13B: Availability =
    Needs("LLaMA-13B in half precision, a shard of C4, a large accelerator and six seeds");
const SCIML: Availability = Needs(
    "DPOT and FNO models and the compressible Navier-Stokes data of PDEBench; the authors released no code for it",
);

const OUTSIDE_NOISE: &str = "test accuracy of a ResNet-18 after 30 epochs; over three seeds the interval reaches 2.5 \
    deviations of the paired difference to either side, so that noise stays inconclusive";

/// What a difference must exceed, or stay within, to count, in nats of validation loss.
const OUR_BOUND: &str = "the same validation windows for all allocations";
const TIE: &str = "a tie: the bounds of 0.1 nats are ours, those that P8-C9 asks of a gain";
const CLEARLY: &str = "the bound for \"clearly worse\" is ours";

/// All claims of the paper, and controls of our own.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "P8-C1",
        paper: &PAPER,
        title: "The shape of a random matrix moves its exponent",
        statement: "The same random matrix model gives different exponents for different shapes",
        paper_figure: "no figure known to us; the Marchenko-Pastur law gives 2.12, 2.71, 3.45 and 4.47 at Q = 1, 2, 4 \
            and 8",
        reference: "dependence on the shape from a secondary summary; closed form derived by us",
        cpu: Runnable { minutes: 0.1 },
        gpu: NotPlanned,
        full: NotPlanned,
        criteria: &[
            criterion(
                "smallest rise with the aspect ratio",
                Above(0.0),
                "",
                "between neighbours of 256 × {256, 192, 128, 96, 64} and 512 × 64, means of 8 Gaussian matrices",
            ),
            criterion(
                "largest distance from Marchenko-Pastur",
                AtMost(5.0),
                "%",
                "of the mean of 8 matrices, over the six shapes; small matrices sit slightly above the limit",
            ),
        ],
        measure: Some(bias_exists),
    },
    Claim {
        id: "P8-C2",
        paper: &PAPER,
        title: "Windows of one shape remove it",
        statement: "FARMS gives matrices of all shapes the same exponent",
        paper_figure: "no figure known to us",
        reference: "abstract",
        cpu: Runnable { minutes: 0.1 },
        gpu: NotPlanned,
        full: NotPlanned,
        criteria: &[
            criterion(
                "spread of FARMS exponents",
                AtMost(0.06),
                "",
                "largest minus smallest of the six shapes of P8-C1, means of 8 matrices; 5 × 5 windows of 64 × 64",
            ),
            criterion("spread of plain exponents", AtLeast(1.5), "", "of the same matrices"),
        ],
        measure: Some(windows_remove_it),
    },
    Claim {
        id: "P8-C3",
        paper: &PAPER,
        title: "The shape causes wrong diagnoses",
        statement: "A thin well-trained layer is called under-trained by its plain exponent and not by FARMS",
        paper_figure: "an example of 512 × 100 without figures known to us",
        reference: "figure 1, by a secondary summary",
        cpu: Runnable { minutes: 0.1 },
        gpu: NotPlanned,
        full: NotPlanned,
        criteria: &[
            criterion(
                "share of pairs that plain exponents rank wrongly",
                AtLeast(1.0),
                "",
                "of 4 pairs: Student-t entries (2.5 degrees of freedom) in 512 × 100 above Gaussian ones in 256 × 256",
            ),
            criterion(
                "share of pairs that FARMS ranks rightly",
                AtLeast(1.0),
                "",
                "the windows of P8-C2 on the same pairs",
            ),
        ],
        measure: Some(wrong_diagnosis),
    },
    Claim {
        id: "P8-C4",
        paper: &PAPER,
        title: "LLaMA-7B pruned to 80 % is better with FARMS",
        statement: "LLaMA-7B pruned by SparseGPT to 80 % has a lower WikiText-2 perplexity with FARMS than with \
            AlphaPruning",
        paper_figure: "perplexity 96.02 → 79.42, 17.3 % less",
        reference: "17.3 % in the abstract, the values from a secondary summary; official code: windows of 2000, Q 1, \
            10 × 10, peak fit, ε .1 for AlphaPruning and .2 for FARMS, six seeds. ε was searched for each method on \
            the test perplexity, and clipped ratios are not made up for, so that some settings prune less than they \
            say (not this one)",
        cpu: LLAMA_7B,
        gpu: LLAMA_7B,
        full: LLAMA_7B,
        criteria: &[],
        measure: None,
    },
    Claim {
        id: "P8-C5",
        paper: &PAPER,
        title: "LLaMA-13B pruned to 70 % is better with FARMS",
        statement: "LLaMA-13B pruned by magnitude to 70 % has a lower perplexity with FARMS than with AlphaPruning",
        paper_figure: "perplexity 2029.20 → 413.76",
        reference: "secondary summary; official code: windows of 2000, Q 1, 15 × 15, peak fit, ε .5 for AlphaPruning \
            and .6 for FARMS, searched for each method",
        cpu: LLAMA_13B,
        gpu: LLAMA_13B,
        full: LLAMA_13B,
        criteria: &[],
        measure: None,
    },
    Claim {
        id: "P8-C6",
        paper: &PAPER,
        title: "Layer-wise rates from FARMS beat those of TempBalance",
        statement: "Layer-wise learning rates from FARMS beat vanilla TempBalance and a uniform rate on CIFAR-100",
        paper_figure: "\"uniformly improves\"; the values of the tables are not known to us",
        reference: "abstract; settings of the official code",
        cpu: Needs("an accelerator and the CIFAR-100 files"),
        gpu: Runnable { minutes: 60.0 },
        full: Needs("ResNet-18 and -34, VGG-16 and -19, 200 epochs and three seeds each"),
        criteria: &[
            criterion("FARMS minus uniform", Above(0.0), "points", OUTSIDE_NOISE),
            criterion("FARMS minus TempBalance", Above(0.0), "points", OUTSIDE_NOISE),
        ],
        measure: Some(layer_rates),
    },
    Claim {
        id: "P8-C7",
        paper: &PAPER,
        title: "Scientific models are fine-tuned better with FARMS",
        statement: "On top of fine-tuning with TB_Sigmoid, FARMS lowers the error of scientific models",
        paper_figure: "by up to about 5.66 %",
        reference: "secondary summary",
        cpu: SCIML,
        gpu: SCIML,
        full: SCIML,
        criteria: &[],
        measure: None,
    },
    Claim {
        id: "P8-C8",
        paper: &PAPER,
        title: "First and last layers need no exception",
        statement: "With FARMS the first and the last layer of a CNN no longer stand out, so that they need not be \
            left out",
        paper_figure: "no figure known to us",
        reference: "configurations of the official code, with and without layer selection",
        cpu: Runnable { minutes: 0.2 },
        gpu: NotPlanned,
        full: NotPlanned,
        criteria: &[
            criterion(
                "rank of the first convolution, plain",
                AtMost(2.0),
                "",
                "of the 21 layers of a ResNet-18 with Gaussian weights, 1 for the largest exponent",
            ),
            criterion(
                "FARMS exponent of the first convolution outside the others' range",
                AtMost(0.0),
                "",
                "distance from the range of the other 20 layers, 0 inside it",
            ),
        ],
        measure: Some(first_and_last),
    },
    Claim {
        id: "P8-C9",
        paper: &PAPER,
        title: "Sparsity by exponents beats uniform sparsity",
        statement: "Pruning blocks with small exponents less beats uniform pruning at high sparsity (CPU check: a small \
            character transformer; P8-C11 is the control that belongs to it)",
        paper_figure: "AlphaPruning's claim for large language models, reused by FARMS",
        reference: "AlphaPruning and the official code: block-wise mapping, ε .2, magnitude",
        cpu: Runnable { minutes: 4.0 },
        gpu: NotPlanned,
        full: NotPlanned,
        criteria: &[
            criterion("70 %: uniform minus alpha", AtLeast(0.1), "nats", OUR_BOUND),
            criterion(
                "70 %: mean permutation minus alpha",
                Above(0.0),
                "nats",
                "eight random permutations of the block scores",
            ),
            criterion("70 %: reversed minus alpha", AtLeast(0.1), "nats", CLEARLY),
            criterion("80 %: uniform minus alpha", AtLeast(0.1), "nats", OUR_BOUND),
            criterion(
                "80 %: mean permutation minus alpha",
                Above(0.0),
                "nats",
                "eight random permutations of the block scores",
            ),
            criterion("80 %: reversed minus alpha", AtLeast(0.1), "nats", CLEARLY),
        ],
        measure: Some(alpha_beats_uniform),
    },
    Claim {
        id: "P8-C10",
        paper: &PAPER,
        title: "FARMS and plain exponents allocate equally well here",
        statement: "Unlike on large language models, sparsity by FARMS exponents only ties with sparsity by plain ones at \
            this scale",
        paper_figure: "the perplexities of P8-C4 and P8-C5",
        reference: "tables for large language models, by a secondary summary; the tie is our expectation",
        cpu: Runnable { minutes: 4.0 },
        gpu: NotPlanned,
        full: LLAMA_7B,
        criteria: &[
            criterion("70 %: FARMS minus alpha", Between(-0.1, 0.1), "nats", TIE),
            criterion("80 %: FARMS minus alpha", Between(-0.1, 0.1), "nats", TIE),
        ],
        measure: Some(farms_ties),
    },
    Claim {
        id: "P8-C11",
        paper: &PAPER,
        title: "Protecting the first block does as well (our control)",
        statement: "Protecting the first block alone does as well as exponents, so that the gain of P8-C9 does not show \
            these to be its cause",
        paper_figure: "not in the paper",
        reference: "our own control",
        cpu: Runnable { minutes: 4.0 },
        gpu: NotPlanned,
        full: NotPlanned,
        criteria: &[
            criterion("70 %: first block minus alpha", Between(-0.1, 0.1), "nats", TIE),
            criterion("80 %: first block minus alpha", Between(-0.1, 0.1), "nats", TIE),
        ],
        measure: Some(first_block_ties),
    },
    Claim {
        id: "P8-C12",
        paper: &PAPER,
        title: "Searched tails are unstable, the median rule is not (our own claim)",
        statement: "Exponents of the peak and Kolmogorov-Smirnov rules scatter widely over draws of one matrix shape, \
            those of the median rule do not",
        paper_figure: "not in the paper",
        reference: "our own; the paper uses the peak rule for language models and the median rule elsewhere",
        cpu: Runnable { minutes: 0.2 },
        gpu: NotPlanned,
        full: NotPlanned,
        criteria: &[
            criterion(
                "largest variation, median",
                Below(3.0),
                "%",
                "deviation over mean of 20 Gaussian matrices; worst of 128 × 128, 128 × 96 and 256 × 128",
            ),
            criterion("smallest variation, KS", Above(30.0), "%", "on the same matrices"),
            criterion("smallest variation, peak", Above(10.0), "%", "on the same matrices"),
        ],
        measure: Some(fit_stability),
    },
];
