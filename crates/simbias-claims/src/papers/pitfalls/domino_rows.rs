//! Dominoes to train on: the stand-in, or the user's MNIST and CIFAR-10.

use std::path::Path;

use ndarray::Axis;
use simbias_data::synth::domino::{
    Domino, Pairing, StandIn, StandInKind, combine_at_random, fit_images, two_classes,
};
use simbias_data::transform::Identity;
use simbias_data::{
    Dataset, ImageShape, Layout, ReadOptions, SplitDataset, SplitOptions, TestSplit, TrainSplit,
    ValidationSplit, embedded, read_splits,
};
use simbias_nn::ImageDims;
use simbias_report::Caveat;
use simbias_stats::Seed;
use simbias_train::attack::Bounds;

use crate::stages::Stages;
use crate::{ClaimError, Scale};

/// Size that MNIST digits are padded to, that of CIFAR-10.
const CIFAR_SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

/// Where dominoes come from.
pub(super) enum DominoSource {
    /// The digits inside the program, above two glyphs.
    StandIn(Box<Dataset>),
    /// Class pair A of table 3: digit 0 above an automobile against digit 1 above a truck.
    MnistCifar {
        /// Digits, grown to CIFAR's shape.
        upper: Box<SplitDataset>,
        /// Vehicles.
        lower: Box<SplitDataset>,
    },
}

/// Rows of one repetition.
pub(super) struct DominoRows {
    pub(super) train: TrainSplit,
    pub(super) validation: ValidationSplit,
    pub(super) test: TestSplit,
    /// Shape of a row.
    pub(super) image: ImageDims,
    /// Pixel rows of the upper image.
    top_height: usize,
}

impl DominoSource {
    /// The stand-in on a CPU, the user's files otherwise.
    ///
    /// # Errors
    ///
    /// [`ClaimError::Needs`] without the files; files that hold something else.
    pub(super) fn open(stages: &Stages<'_>) -> Result<Self, ClaimError> {
        match stages.scale() {
            Scale::Cpu => Ok(Self::StandIn(Box::new(embedded::digits()))),
            Scale::Gpu | Scale::Full => Self::of_files(stages),
        }
    }

    fn of_files(stages: &Stages<'_>) -> Result<Self, ClaimError> {
        let folders =
            stages.data_folder().map(|folder| ["mnist", "cifar10"].map(|f| folder.join(f)));
        let Some([mnist, cifar]) = folders.filter(|paths| paths.iter().all(|path| path.exists()))
        else {
            return Err(stages.needs(
                "the MNIST files (IDX) in the folder mnist and those of CIFAR-10 (binary version) in the \
                 folder cifar10 of the claims' data folder",
            ));
        };
        let upper = read_pair(&mnist, [("0", "0"), ("1", "1")], stages)?;
        let grow = |part: &Dataset| fit_images(part, CIFAR_SHAPE).map_err(|e| stages.failure(e));
        let upper = SplitDataset {
            train: TrainSplit(grow(&upper.train.0)?),
            validation: ValidationSplit(grow(&upper.validation.0)?),
            test: TestSplit(grow(&upper.test.0)?),
        };
        let lower = read_pair(&cifar, [("automobile", "1"), ("truck", "9")], stages)?;
        Ok(Self::MnistCifar { upper: Box::new(upper), lower: Box::new(lower) })
    }

    /// Fresh dominoes: new pairs, and for the stand-in new images.
    ///
    /// # Errors
    ///
    /// Images that do not fit one another.
    pub(super) fn draw(&self, stages: &Stages<'_>, seed: Seed) -> Result<DominoRows, ClaimError> {
        let seed = seed.child("claims/data", 0);
        match self {
            Self::StandIn(digits) => {
                let defaults = StandIn::new(StandInKind::GlyphXor, seed);
                let stand_in = StandIn {
                    n_train: stages.rows(defaults.n_train),
                    n_validation: stages.rows(1_000),
                    n_test: stages.rows(defaults.n_test),
                    ..defaults
                };
                let splits = stand_in.generate(digits).map_err(|error| stages.failure(error))?;
                DominoRows::new(splits.train, splits.validation, splits.test, stages)
            }
            Self::MnistCifar { upper, lower } => {
                let pair = |index, upper: &Dataset, lower: &Dataset| {
                    let seed = seed.child("claims/pairs", index);
                    combine_at_random(upper, lower, Pairing::ByClass, seed)
                        .map_err(|error| stages.failure(error))
                };
                DominoRows::new(
                    pair(0, &upper.train.0, &lower.train.0)?,
                    pair(1, &upper.validation.0, &lower.validation.0)?,
                    pair(2, &upper.test.0, &lower.test.0)?,
                    stages,
                )
            }
        }
    }

    /// What the rows are and are not.
    pub(super) fn caveat(&self) -> Caveat {
        match self {
            Self::StandIn(_) => Caveat::caution(
                "stand-in",
                "Measured on the stand-in glyph-XOR-domino (a real digit above two drawn glyphs), not on \
                    MNIST-CIFAR. It is made for the extreme: the lower half takes many times longer to \
                    learn. Reliance on real image pairs is graded.",
            ),
            Self::MnistCifar { upper, lower } => Caveat::note(
                "sizes",
                format!(
                    "{} digits and {} vehicles for training, joined up to the smallest class; the paper \
                        prints 50 000, which two classes cannot give.",
                    upper.train.0.n_rows(),
                    lower.train.0.n_rows()
                ),
            ),
        }
    }
}

/// The rows of two classes as a set of its own. `zero` and `one` are names or, in files without names, numbers.
fn read_pair(
    path: &Path,
    classes: [(&str, &str); 2],
    stages: &Stages<'_>,
) -> Result<SplitDataset, ClaimError> {
    let split = read_splits(path, &ReadOptions::default(), &SplitOptions::default())
        .map_err(|error| stages.failure(error))?;
    let choose = |part: &Dataset| {
        let names = part.class_labels().map_or(&[][..], |labels| &labels.names);
        let [zero, one] =
            classes.map(
                |(name, number)| {
                    if names.iter().any(|known| known == name) { name } else { number }
                },
            );
        two_classes(part, &[zero], &[one]).map_err(|error| stages.failure(error))
    };
    Ok(SplitDataset {
        train: TrainSplit(choose(&split.train.0)?),
        validation: ValidationSplit(choose(&split.validation.0)?),
        test: TestSplit(choose(&split.test.0)?),
    })
}

impl DominoRows {
    fn new(
        train: Domino,
        validation: Domino,
        test: Domino,
        stages: &Stages<'_>,
    ) -> Result<Self, ClaimError> {
        let Some(shape) = train.dataset.layout.image_shape() else {
            return Err(stages.failure("dominoes are images, these rows are not"));
        };
        Ok(Self {
            top_height: train.top_height,
            image: dims(shape),
            train: TrainSplit(train.dataset),
            validation: ValidationSplit(validation.dataset),
            test: TestSplit(test.dataset),
        })
    }

    fn shape(&self) -> ImageShape {
        let ImageDims { channels, height, width } = self.image;
        ImageShape { channels, height, width }
    }

    /// Columns of the upper image, in all channels.
    pub(super) fn upper_columns(&self) -> Vec<usize> {
        self.columns(0..self.top_height)
    }

    fn columns(&self, pixel_rows: std::ops::Range<usize>) -> Vec<usize> {
        let shape = self.shape();
        let mut columns = Vec::new();
        for channel in 0..shape.channels {
            for row in pixel_rows.clone() {
                columns.extend((0..shape.width).map(|column| shape.column(channel, row, column)));
            }
        }
        columns
    }

    /// The lower images of all rows.
    pub(super) fn lower_halves(&self) -> Self {
        let height = self.image.height - self.top_height;
        let columns = self.columns(self.top_height..self.image.height);
        let shape = ImageShape { height, ..self.shape() };
        let cut = |part: &Dataset| Dataset {
            rows: part.rows.select(Axis(1), &columns),
            layout: Layout::image(shape),
            ..part.clone()
        };
        Self {
            train: TrainSplit(cut(&self.train.0)),
            validation: ValidationSplit(cut(&self.validation.0)),
            test: TestSplit(cut(&self.test.0)),
            image: dims(shape),
            top_height: 0,
        }
    }

    /// Blocks are columns of the rows themselves.
    pub(super) fn transform(&self) -> Identity {
        Identity::new(self.shape().n_features())
    }

    /// The values that pixels of training rows take; attacks stay inside.
    pub(super) fn bounds(&self) -> Option<Bounds> {
        Bounds::of(self.train.0.rows.view())
    }
}

fn dims(shape: ImageShape) -> ImageDims {
    ImageDims { channels: shape.channels, height: shape.height, width: shape.width }
}
