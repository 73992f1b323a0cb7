//! The claims of paper 02, with what we expect of each before it is run.
//!
//! Sources: T = table, F = figure, § = section or appendix, nb = printed output of the official
//! repository's notebook of that number. `S` is the simplest block of a data set, `Sc` all other blocks;
//! `S-rand` and `Sc-rand` replace them by those of randomly chosen other rows.
//! Where the criterion covers several networks or settings, the worst of them is judged.

use super::accuracy_cost::{noisy_simplest, settings_grid, without_the_simplest};
use super::adversarial::adversarial_slabs;
use super::dominoes::{adversarial_dominoes, dominoes};
use super::ensembles::ensembles;
use super::exclusive_use::{cnn_and_gru, fully_connected, logits, many_complex_blocks};
use super::paper::PAPER;
use super::regime::phase_diagram;
use super::settings::{
    dropout_and_weight_decay, few_dimensions, initial_scale, optimizers_and_activations,
};
use super::slab_start::interpolated_start;
use super::theorem::theorem;
use super::universal_attack::universal_transfer;
use crate::Availability::{Needs, NotPlanned, Runnable};
use crate::Expectation::{Above, AtLeast, AtMost, Below, Between};
use crate::{Claim, Criterion, Expectation, Scale};

const fn pure(name: &'static str, expectation: Expectation, note: &'static str) -> Criterion {
    Criterion { name, expectation, unit: "", note, only_at: None }
}

const fn pure_at(
    scale: Scale,
    name: &'static str,
    expectation: Expectation,
    note: &'static str,
) -> Criterion {
    Criterion { only_at: Some(scale), ..pure(name, expectation, note) }
}

const MEAN_OF_PERMUTATIONS: &str = "mean of at least 10 permutations of 10 000 test rows";
const WORST_CELL: &str = "worst of all settings of a seed";
const OUR_THRESHOLD: &str = "worst of all settings of a seed; the paper prints two digits, the \
    bound is that of P2-C1 and P2-C6";

/// A network that has learned all there is: AUC on rows as they are.
const fn unharmed(name: &'static str) -> Criterion {
    pure(name, AtLeast(0.999), "")
}

/// Without the block nothing is left: distance of the AUC from one half.
const fn at_chance(name: &'static str) -> Criterion {
    pure(name, AtMost(0.02), MEAN_OF_PERMUTATIONS)
}

/// The block alone carries the network.
const fn kept(name: &'static str) -> Criterion {
    pure(name, AtLeast(0.995), MEAN_OF_PERMUTATIONS)
}

const fn logit_shift(name: &'static str, expectation: Expectation) -> Criterion {
    pure(name, expectation, "mean |change| over the scores' deviation")
}

/// The claims that vary one setting judge its worst value.
const EXCLUSIVE_IN_EVERY_SETTING: &[Criterion] = &[
    pure("largest S-rand AUC", AtMost(0.52), OUR_THRESHOLD),
    pure("smallest Sc-rand AUC", AtLeast(0.995), OUR_THRESHOLD),
];

/// All claims of the paper, and one of our own about where they end.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "P2-C1",
        paper: &PAPER,
        title: "Fully connected networks use the simplest block only",
        statement: "Fully connected networks on LMS-5 and MS-(5,7) use the simplest block \
            exclusively",
        paper_figure: "S-rand AUC .50/.49/.50, Sc-rand AUC 1.00 for (100,1) and (100,2); \
            (2000,1): .50±.01 / 1.00 and .49±.01 / 1.00",
        reference: "T4, F3b; .507/1.000 and .502/1.000 in nb 01",
        cpu: Runnable { minutes: 0.5 },
        gpu: Runnable { minutes: 2.0 },
        full: NotPlanned,
        criteria: &[
            unharmed("LMS-5: AUC"),
            at_chance("LMS-5: |S-rand AUC - 0.5|"),
            kept("LMS-5: Sc-rand AUC"),
            unharmed("MS-(5,7): AUC"),
            at_chance("MS-(5,7): |S-rand AUC - 0.5|"),
            kept("MS-(5,7): Sc-rand AUC"),
        ],
        measure: Some(fully_connected),
    },
    Claim {
        id: "P2-C2",
        paper: &PAPER,
        title: "So do a 1-D CNN and a GRU",
        statement: "A 1-D CNN and a GRU use the simplest block exclusively as well (LMS-5 \
            on the CPU, MS-(5,7) on an accelerator)",
        paper_figure: "S-rand / Sc-rand AUC: (32,7,1/2)-CNN .50/1.00, (100,10,1/2)-GRU \
            .50-.51/1.00",
        reference: "T4",
        cpu: Runnable { minutes: 3.0 },
        gpu: Runnable { minutes: 15.0 },
        full: NotPlanned,
        criteria: &[
            unharmed("CNN: AUC"),
            at_chance("CNN: |S-rand AUC - 0.5|"),
            kept("CNN: Sc-rand AUC"),
            unharmed("GRU: AUC"),
            at_chance("GRU: |S-rand AUC - 0.5|"),
            kept("GRU: Sc-rand AUC"),
        ],
        measure: Some(cnn_and_gru),
    },
    Claim {
        id: "P2-C3",
        paper: &PAPER,
        title: "More complex blocks do not help",
        statement: "With 249 complex blocks beside it the simplest block is still used exclusively",
        paper_figure: "S-rand / Sc-rand AUC with 249 complex blocks, (2000,1): LMS-5 \
            .50±.01/1.00, MS-(5,7) .50±.01/1.00",
        reference: "F3b",
        cpu: Runnable { minutes: 0.5 },
        gpu: Runnable { minutes: 15.0 },
        full: NotPlanned,
        criteria: &[
            pure(
                "AUC",
                AtLeast(0.999),
                "250 coordinates; LMS-5 and width 500 on the CPU, MS-(5,7) and width 2000 on an accelerator",
            ),
            at_chance("|S-rand AUC - 0.5|"),
            kept("Sc-rand AUC"),
        ],
        measure: Some(many_complex_blocks),
    },
    Claim {
        id: "P2-C4",
        paper: &PAPER,
        title: "Logits follow the simplest block",
        statement: "Randomizing Sc leaves the logits of positives as they are, randomizing S \
            shuffles them over the classes",
        paper_figure: "density plots without numbers",
        reference: "F3a, §4.2",
        cpu: Runnable { minutes: 0.5 },
        gpu: Runnable { minutes: 2.0 },
        full: NotPlanned,
        criteria: &[
            pure("LMS-5: KS(positives, Sc-rand positives)", AtMost(0.03), ""),
            pure("LMS-5: KS(positives, S-rand positives)", Between(0.45, 0.55), ""),
            pure("LMS-5: KS(all, S-rand positives)", AtMost(0.03), ""),
            logit_shift("LMS-5: logit shift, Sc-rand", AtMost(0.15)),
            logit_shift("LMS-5: logit shift, S-rand", AtLeast(1.0)),
            pure("MS-(5,7): KS(positives, Sc-rand positives)", AtMost(0.03), ""),
            pure("MS-(5,7): KS(positives, S-rand positives)", Between(0.45, 0.55), ""),
            pure("MS-(5,7): KS(all, S-rand positives)", AtMost(0.03), ""),
            logit_shift("MS-(5,7): logit shift, Sc-rand", AtMost(0.15)),
            logit_shift("MS-(5,7): logit shift, S-rand", AtLeast(1.0)),
        ],
        measure: Some(logits),
    },
    Claim {
        id: "P2-C5",
        paper: &PAPER,
        title: "CNNs on dominoes use the simple half only",
        statement: "CNNs on MNIST-CIFAR dominoes use only the MNIST half (CPU check: a stand-in \
            whose lower half is an XOR of two glyph types)",
        paper_figure: "MNIST-rand AUC, set A: MobileNetV2 .53±.01, GoogLeNet .52±.02, ResNet50 \
            .50±.01, DenseNet121 .53±.02; CIFAR-rand AUC 1.00; GoogLeNet alone on the CIFAR pair \
            95.4 % accuracy",
        reference: "T5 (T4 prints .52, .51, .50, .52), §4.2; ResNet50 .494 / 1.000 in nb 02",
        cpu: Runnable { minutes: 2.0 },
        gpu: Runnable { minutes: 15.0 },
        full: Needs(
            "the MNIST and CIFAR-10 files, four architectures, three class pairs and several seeds",
        ),
        criteria: &[
            pure("top-rand AUC", AtMost(0.56), "on the CPU of the stand-in, not MNIST-CIFAR"),
            pure("bottom-rand AUC", AtLeast(0.995), "on the CPU of the stand-in, not MNIST-CIFAR"),
            pure_at(
                Scale::Cpu,
                "accuracy of a CNN on the bottom half alone",
                AtLeast(0.99),
                "the stand-in, not MNIST-CIFAR",
            ),
            pure_at(
                Scale::Gpu,
                "accuracy of a ResNet-18 on the CIFAR half alone",
                AtLeast(0.9),
                "our bound; the paper's GoogLeNet reaches .954",
            ),
        ],
        measure: Some(dominoes),
    },
    Claim {
        id: "P2-C6",
        paper: &PAPER,
        title: "Optimizer and activation do not matter",
        statement: "The simplest block is used exclusively under every optimizer and activation",
        paper_figure: "S-rand AUC .495-.502 over ReLU, LeakyReLU, PReLU, Tanh × SGD, Adam, \
            RMSProp × LMS-7, MS-(5,7) with a (100,2) network",
        reference: "T6 (its caption says LMS-5, its columns LMS-7)",
        cpu: Runnable { minutes: 1.0 },
        gpu: Runnable { minutes: 20.0 },
        full: NotPlanned,
        criteria: &[
            pure_at(
                Scale::Cpu,
                "largest S-rand AUC of the 12 LMS-7 cells",
                AtMost(0.52),
                WORST_CELL,
            ),
            pure_at(
                Scale::Cpu,
                "smallest Sc-rand AUC of the 12 LMS-7 cells",
                AtLeast(0.995),
                WORST_CELL,
            ),
            pure_at(
                Scale::Gpu,
                "largest S-rand AUC of the 12 MS-(5,7) cells",
                AtMost(0.52),
                WORST_CELL,
            ),
            pure_at(
                Scale::Gpu,
                "smallest Sc-rand AUC of the 12 MS-(5,7) cells",
                AtLeast(0.995),
                WORST_CELL,
            ),
        ],
        measure: Some(optimizers_and_activations),
    },
    Claim {
        id: "P2-C7",
        paper: &PAPER,
        title: "Dropout and L2 do not matter",
        statement: "Dropout and weight decay leave the exclusive use of the simplest block as it \
            is",
        paper_figure: "AUC 1.00, S-rand .50, Sc-rand 1.00 for p in {0, .05, .10} × λ in {1e-2, \
            1e-4} with (100,1) and (100,2) on LMS-7",
        reference: "T7 (the text has λ .01 and .001)",
        cpu: Runnable { minutes: 1.0 },
        gpu: NotPlanned,
        full: NotPlanned,
        criteria: EXCLUSIVE_IN_EVERY_SETTING,
        measure: Some(dropout_and_weight_decay),
    },
    Claim {
        id: "P2-C8",
        paper: &PAPER,
        title: "Nor do few dimensions and few complex blocks",
        statement: "In 2, 5 and 10 dimensions with 1 to 6 complex blocks the simplest block is \
            used exclusively",
        paper_figure: "S-rand AUC .50-.51, Sc-rand AUC 1.00 for d in {2, 5, 10} and 1; 1, 3; 1, \
            3, 6 complex blocks",
        reference: "T8",
        cpu: Runnable { minutes: 0.5 },
        gpu: NotPlanned,
        full: NotPlanned,
        criteria: EXCLUSIVE_IN_EVERY_SETTING,
        measure: Some(few_dimensions),
    },
    Claim {
        id: "P2-C9",
        paper: &PAPER,
        title: "Initial scale does not matter",
        statement: "Kaiming and Xavier initialization, scaled by 0.1 to 10, leave the exclusive \
            use of the simplest block as it is",
        paper_figure: "S-rand AUC .49-.51, Sc-rand AUC 1.00",
        reference: "T9",
        cpu: Runnable { minutes: 1.0 },
        gpu: NotPlanned,
        full: NotPlanned,
        criteria: EXCLUSIVE_IN_EVERY_SETTING,
        measure: Some(initial_scale),
    },
    Claim {
        id: "P2-C10",
        paper: &PAPER,
        title: "Sample size is no excuse",
        statement: "Without the simplest block the same network reaches 100 % on the complex ones",
        paper_figure: "test accuracy 1.000 by 8000 updates: MS-7, 40 000 rows, (300,2), learning \
            rate .3, momentum .9, weight decay 5e-4",
        reference: "§4.2, §5, nb 03",
        cpu: Runnable { minutes: 1.0 },
        gpu: NotPlanned,
        full: NotPlanned,
        criteria: &[
            pure(
                "MS-5: test accuracy",
                AtLeast(0.995),
                "50 000 rows, (100,2), SGD with learning rate .1",
            ),
            pure(
                "MS-7: test accuracy",
                AtLeast(0.995),
                "at its best step on validation rows; learning rate .3 is noisy",
            ),
        ],
        measure: Some(without_the_simplest),
    },
    Claim {
        id: "P2-C11",
        paper: &PAPER,
        title: "The bias costs accuracy on the training distribution",
        statement: "On hatLMS-7 with 10 % noise a network stays at 95 % although every 7-slab \
            alone gives 100 %",
        paper_figure: "six networks: train .984-.999, test .940-.949, Sc-rand .941-.946, S-rand \
            .497-.498",
        reference: "T2; .995/.949/.949/.497 in nb 03",
        cpu: Runnable { minutes: 1.5 },
        gpu: NotPlanned,
        full: Needs("the 180-point grid of §D.1 with up to 10^7 updates a point"),
        criteria: &[
            pure(
                "test accuracy",
                Between(0.940, 0.956),
                "(200,1), learning rate .3, momentum .9, weight decay 5e-4, batch 256, 6000 steps",
            ),
            pure("|test accuracy - Sc-rand accuracy|", AtMost(0.01), ""),
            pure("S-rand accuracy", Between(0.48, 0.52), ""),
            pure("accuracy on corrupted rows", Between(0.45, 0.55), ""),
            pure("accuracy on clean rows", AtLeast(0.99), ""),
            pure(
                "MS-7 control: accuracy",
                AtLeast(0.995),
                "identical settings, at its best evaluation step",
            ),
        ],
        measure: Some(noisy_simplest),
    },
    Claim {
        id: "P2-C12",
        paper: &PAPER,
        title: "A grid search does not rescue it",
        statement: "The best of many SGD settings on hatLMS-7 is still at 95 %",
        paper_figure: "best of 180 settings a network about .95",
        reference: "T2, T10",
        cpu: Runnable { minutes: 0.5 },
        gpu: Runnable { minutes: 20.0 },
        full: Needs("the 180-point grid of §D.1 with up to 10^7 updates a point"),
        criteria: &[
            pure_at(
                Scale::Cpu,
                "best test accuracy of 6 settings",
                Between(0.940, 0.956),
                "Adam among them; chosen on validation rows; the range is that of P2-C11",
            ),
            pure_at(
                Scale::Gpu,
                "best test accuracy of 60 settings",
                Between(0.940, 0.956),
                "chosen on validation rows; the range is that of P2-C11",
            ),
        ],
        measure: Some(settings_grid),
    },
    Claim {
        id: "P2-C13",
        paper: &PAPER,
        title: "Universal perturbations hit the simplest block and transfer",
        statement: "A universal perturbation lies in the simplest block: of LMS-5 (the CPU check), where \
            it fools every architecture, and of MNIST-CIFAR",
        paper_figure: "share of the budget on S: 99.6 % LMS-5, 99.9 % MS-(5,7), 99.3 % MNIST \
            pixels; accuracy under the perturbation .0066 and .0656",
        reference: "F4; nb 06",
        cpu: Runnable { minutes: 3.0 },
        gpu: Runnable { minutes: 10.0 },
        full: NotPlanned,
        criteria: &[
            pure_at(
                Scale::Cpu,
                "largest accuracy under the own perturbation",
                AtMost(0.05),
                "L2 radius 1, sign of the label known; three architectures",
            ),
            pure_at(Scale::Cpu, "smallest |u_S|/‖u‖", AtLeast(0.98), "three architectures"),
            pure_at(
                Scale::Cpu,
                "smallest cosine of two perturbations",
                AtLeast(0.98),
                "three architectures",
            ),
            pure_at(
                Scale::Cpu,
                "largest accuracy under another's perturbation",
                AtMost(0.05),
                "three architectures",
            ),
            pure_at(
                Scale::Gpu,
                "MNIST half: |u|/‖u‖",
                AtLeast(0.95),
                "the paper's kind of share; ResNet-18, L2 radius 10",
            ),
            pure_at(
                Scale::Gpu,
                "MNIST half: share of the energy",
                AtLeast(0.9),
                "the square of the ratio above, ResNet-18, L2 radius 10",
            ),
            pure_at(
                Scale::Gpu,
                "accuracy under the perturbation",
                AtMost(0.1),
                "sign of the label known; the paper prints no accuracy for images",
            ),
        ],
        measure: Some(universal_transfer),
    },
    Claim {
        id: "P2-C14",
        paper: &PAPER,
        title: "Ensembles do not help when one block is simpler",
        statement: "Ensembles gain on MS-5, where all blocks are equal, and not on hatLMS-7, \
            where one is simpler",
        paper_figure: "MS-5: singles about 75 %, +15 and +20 points with 5 and 10 members; \
            hatLMS-7 with 50 % noise stays at 75 %",
        reference: "F6, §E.1",
        cpu: Runnable { minutes: 4.0 },
        gpu: NotPlanned,
        full: Needs("10 members and several seeds; the paper does not publish its sample sizes"),
        criteria: &[
            pure(
                "hatLMS-7: gain of 5 members",
                AtMost(0.02),
                "ensemble accuracy minus the members' mean",
            ),
            pure("MS-5 gain minus 3 × hatLMS-7 gain", AtLeast(0.0), ""),
            pure(
                "MS-5: gain of 5 members",
                Above(0.0),
                "direction; keeps two losses from passing as a ratio",
            ),
        ],
        measure: Some(ensembles),
    },
    Claim {
        id: "P2-C15",
        paper: &PAPER,
        title: "L2-adversarial training does not widen the reliance",
        statement: "Adversarial training on AdvMS-(5,7) raises robustness but not the reliance \
            on the 7-slabs",
        paper_figure: "(200,2) works for ε ≤ .1 and fails (50 %) for ε ≥ .2; (1000,2) works to ε \
            ≤ .25; fails at ε ≥ .30; margin of the data about .62",
        reference: "F7, §E.2",
        cpu: Runnable { minutes: 3.0 },
        gpu: Runnable { minutes: 15.0 },
        full: Needs("4000 epochs with 40 attack steps each"),
        criteria: &[
            pure(
                "S-rand accuracy after adversarial training",
                AtMost(0.52),
                "(200,2), ε = .1 after an SGD start; on an accelerator the worst ε ≤ .25 of a (1000,2)",
            ),
            pure("Sc-rand accuracy after adversarial training", AtLeast(0.98), ""),
            pure("gain in robust accuracy", AtLeast(0.0), "adversarial minus plain SGD"),
        ],
        measure: Some(adversarial_slabs),
    },
    Claim {
        id: "P2-C16",
        paper: &PAPER,
        title: "L∞-adversarial training on dominoes stays blind",
        statement: "Adversarial training on MNIST-CIFAR gives robustness and no reliance on \
            CIFAR (CPU check: the stand-in of P2-C5, direction only)",
        paper_figure: "ε = .3: robust accuracy .000 → .991 / .981 / .982, accuracy .999-1.000; \
            MNIST-rand AUC .508, CIFAR-rand AUC 1.000",
        reference: "T11 (its last columns must be MNIST-randomized), nb 05",
        cpu: Runnable { minutes: 3.0 },
        gpu: Runnable { minutes: 60.0 },
        full: NotPlanned,
        criteria: &[
            pure(
                "gain in robust accuracy",
                Above(0.0),
                "direction only; small CNN, ε = .1, 7 steps",
            ),
            pure(
                "bottom-rand AUC - top-rand AUC",
                Above(0.0),
                "direction only; after adversarial training",
            ),
        ],
        measure: Some(adversarial_dominoes),
    },
    Claim {
        id: "P2-C17",
        paper: &PAPER,
        title: "Theorem 1: one hidden layer learns the linear coordinate",
        statement: "A one-hidden-layer ReLU network on LSN learns the linear coordinate only",
        paper_figure: "|w1| = 2/√k (1 - c/√log d), |w2| = O(1/(√(dk) log d)), ‖w3:‖ = O(1/(√k \
            log d)), test error 1/poly(d)",
        reference: "§4.1, F (theorem 1); behaviour at finite d, the theorem's constants ask for \
            astronomically large d",
        cpu: Runnable { minutes: 3.0 },
        gpu: NotPlanned,
        full: NotPlanned,
        criteria: &[
            pure(
                "mean |w1| over 2/√k",
                Between(0.9, 1.1),
                "d = 400, k = 50, η = .5, batches of 20 000, 4/η steps",
            ),
            pure("mean |w1| over mean |w2|", AtLeast(50.0), ""),
            pure("test error", Below(0.001), ""),
        ],
        measure: Some(theorem),
    },
    Claim {
        id: "P2-C18",
        paper: &PAPER,
        title: "A start from a slab model helps in part",
        statement: "From α·M_slab + (1-α)·M_rand, α ≤ .5 ends on the linear block and larger α \
            keeps a reduced reliance on the slabs",
        paper_figure: "curves without numbers",
        reference: "F5, §C.7",
        cpu: Runnable { minutes: 4.0 },
        gpu: NotPlanned,
        full: NotPlanned,
        criteria: &[
            pure("rank correlation of α and S-rand AUC", Above(0.0), "direction only"),
            pure("largest S-rand AUC for α ≤ .5", Below(0.6), ""),
        ],
        measure: Some(interpolated_start),
    },
    Claim {
        id: "P2-C19",
        paper: &PAPER,
        title: "Where the bias ends (our own claim)",
        statement: "The cost of P2-C11 is a regime: with few, quickly learnable complex blocks \
            and much noise the network leaves the noisy linear block",
        paper_figure: "not in the paper",
        reference: "our own phase diagram over (d, k, p); the noisy linear block alone gives 1 - \
            p/2",
        cpu: Runnable { minutes: 3.0 },
        gpu: NotPlanned,
        full: NotPlanned,
        criteria: &[
            pure(
                "(10,5,.3): test accuracy",
                AtLeast(0.99),
                "escape; the linear block alone gives .85",
            ),
            pure(
                "(50,7,.1): test accuracy",
                AtMost(0.956),
                "stuck; the linear block alone gives .95, the bound is that of P2-C11",
            ),
        ],
        measure: Some(phase_diagram),
    },
];
