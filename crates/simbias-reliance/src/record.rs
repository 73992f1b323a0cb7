//! Figures of scored conditions as bytes and back, every bit of them; what [`Journal`](crate::Journal) keeps.
//!
//! Numbers are little-endian, lengths are 64-bit. Whoever keeps records checks that they are whole; a record of another form
//! is not read, and its condition is scored again.

use ndarray::Array2;

use crate::displacement::Displacement;
use crate::figures::JobFigures;
use crate::influence::BlockInfluences;
use crate::measure::{BlockFound, BlockRuns, BlockSample};
use crate::metric::Predictions;

/// Something that can be written as a record.
pub(crate) trait Record: Sized {
    /// Appends the value.
    fn write(&self, out: &mut Vec<u8>);

    /// Takes the value from the beginning of `bytes`; `None` if it is not there.
    fn read(bytes: &mut &[u8]) -> Option<Self>;

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// The value, if `bytes` hold it and nothing else.
    fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let value = Self::read(&mut bytes)?;
        bytes.is_empty().then_some(value)
    }
}

macro_rules! number {
    ($($kind:ty),*) => {$(
        impl Record for $kind {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn read(bytes: &mut &[u8]) -> Option<Self> {
                let (value, rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                Some(Self::from_le_bytes(*value))
            }
        }
    )*};
}

number!(u8, u64, f32, f64);

impl<T: Record> Record for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        u8::from(self.is_some()).write(out);
        if let Some(value) = self {
            value.write(out);
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        match u8::read(bytes)? {
            0 => Some(None),
            1 => T::read(bytes).map(Some),
            _ => None,
        }
    }
}

impl<T: Record> Record for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        (self.len() as u64).write(out);
        for value in self {
            value.write(out);
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let n = usize::try_from(u64::read(bytes)?).ok()?;
        // Every value takes a byte or more, so that a wrong length asks for no memory.
        if n > bytes.len() {
            return None;
        }
        (0..n).map(|_| T::read(bytes)).collect()
    }
}

impl<A: Record, B: Record> Record for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::read(bytes)?, B::read(bytes)?))
    }
}

impl Record for String {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_bytes().to_vec().write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Self::from_utf8(Vec::read(bytes)?).ok()
    }
}

impl Record for Displacement {
    fn write(&self, out: &mut Vec<u8>) {
        for value in [self.shift, self.flips, self.ks_positives, self.ks_all_positives] {
            value.write(out);
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            shift: f64::read(bytes)?,
            flips: f64::read(bytes)?,
            ks_positives: f64::read(bytes)?,
            ks_all_positives: f64::read(bytes)?,
        })
    }
}

impl Record for JobFigures {
    fn write(&self, out: &mut Vec<u8>) {
        for value in [self.value, self.variance, self.paired_variance] {
            value.write(out);
        }
        self.influence.write(out);
        self.accuracy.write(out);
        self.class_accuracies.write(out);
        self.cross_entropy_nats.write(out);
        self.displacement.write(out);
        self.strata.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            value: f64::read(bytes)?,
            variance: f64::read(bytes)?,
            paired_variance: f64::read(bytes)?,
            influence: Vec::read(bytes)?,
            accuracy: Option::read(bytes)?,
            class_accuracies: Vec::read(bytes)?,
            cross_entropy_nats: Option::read(bytes)?,
            displacement: Displacement::read(bytes)?,
            strata: Vec::read(bytes)?,
        })
    }
}

impl Record for Predictions {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Binary { scores, threshold } => {
                0_u8.write(out);
                threshold.write(out);
                scores.write(out);
            }
            Self::Classes(logits) => {
                1_u8.write(out);
                (logits.ncols() as u64).write(out);
                logits.iter().copied().collect::<Vec<f64>>().write(out);
            }
            Self::Values(values) => {
                2_u8.write(out);
                values.write(out);
            }
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        match u8::read(bytes)? {
            0 => {
                let threshold = f64::read(bytes)?;
                Some(Self::Binary { scores: Vec::read(bytes)?, threshold })
            }
            1 => {
                let n_classes = usize::try_from(u64::read(bytes)?).ok()?;
                let logits: Vec<f64> = Vec::read(bytes)?;
                let n_rows = logits.len().checked_div(n_classes)?;
                Array2::from_shape_vec((n_rows, n_classes), logits).ok().map(Self::Classes)
            }
            2 => Vec::read(bytes).map(Self::Values),
            _ => None,
        }
    }
}

impl Record for BlockRuns {
    fn write(&self, out: &mut Vec<u8>) {
        self.randomized.write(out);
        self.complement.write(out);
        self.conflict.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            randomized: Vec::read(bytes)?,
            complement: Option::read(bytes)?,
            conflict: Vec::read(bytes)?,
        })
    }
}

impl Record for BlockInfluences {
    fn write(&self, out: &mut Vec<u8>) {
        self.block.write(out);
        self.randomized.write(out);
        self.complement.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self {
            block: String::read(bytes)?,
            randomized: Vec::read(bytes)?,
            complement: Option::read(bytes)?,
        })
    }
}

impl Record for BlockFound {
    fn write(&self, out: &mut Vec<u8>) {
        self.runs.write(out);
        self.influences.write(out);
        let sample = self.sample.as_ref();
        sample
            .map(|(name, without, alone)| (name.clone(), (without.clone(), alone.clone())))
            .write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let runs = BlockRuns::read(bytes)?;
        let influences = BlockInfluences::read(bytes)?;
        let sample: Option<(String, (Predictions, Option<Predictions>))> = Option::read(bytes)?;
        let sample: Option<BlockSample> =
            sample.map(|(name, (without, alone))| (name, without, alone));
        Some(Self { runs, influences, sample })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> JobFigures {
        JobFigures {
            value: 0.1 + 0.2,
            variance: f64::MIN_POSITIVE,
            paired_variance: -0.0,
            influence: vec![1.0 / 3.0, f64::NAN],
            accuracy: Some(0.5),
            class_accuracies: vec![0.25, 1.0],
            cross_entropy_nats: None,
            displacement: Displacement {
                shift: 1.5,
                flips: 0.0,
                ks_positives: f64::INFINITY,
                ks_all_positives: 1e-300,
            },
            strata: vec![None, Some((0.5, 0.25))],
        }
    }

    fn found() -> BlockFound {
        let logits = Array2::from_shape_fn((2, 3), |(i, j)| i as f64 / 3.0 - j as f64);
        BlockFound {
            runs: BlockRuns {
                randomized: vec![figures()],
                complement: Some(vec![figures(), figures()]),
                conflict: Vec::new(),
            },
            influences: BlockInfluences {
                block: "größe".into(),
                randomized: vec![0.1, -0.2],
                complement: None,
            },
            sample: Some(("größe".into(), Predictions::Classes(logits), None)),
        }
    }

    #[test]
    fn every_bit_comes_back() {
        let bytes = found().to_bytes();
        let back = BlockFound::from_bytes(&bytes).unwrap();
        assert_eq!(back.to_bytes(), bytes);
        assert_eq!(back.influences, found().influences);
        assert_eq!(back.sample, found().sample);
        assert_eq!(back.runs.randomized[0].paired_variance.to_bits(), (-0.0_f64).to_bits());
    }

    #[test]
    fn broken_records_are_not_read() {
        let bytes = found().to_bytes();
        for end in 0..bytes.len() {
            assert!(BlockFound::from_bytes(&bytes[..end]).is_none(), "{end}");
        }
        let huge = u64::MAX.to_le_bytes();
        assert!(Vec::<f64>::from_bytes(&huge).is_none());
    }
}
