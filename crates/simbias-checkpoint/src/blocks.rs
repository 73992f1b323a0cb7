//! Block-quantised numbers of GGUF files, restored to floats.
//!
//! Source of the layouts: ggml (`ggml-common.h`, `ggml-quants.c`), described there as C structures. A block of
//! the "legacy" kinds holds 32 numbers and one or two 16-bit scales; a block of the "K" kinds holds 256
//! numbers in 8 or 16 groups whose scales are themselves quantised.

use half::f16;

/// A layout of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockKind {
    /// 4 bits, one scale.
    Q4_0,
    /// 4 bits, scale and minimum.
    Q4_1,
    /// 5 bits, one scale.
    Q5_0,
    /// 5 bits, scale and minimum.
    Q5_1,
    /// 8 bits, one scale.
    Q8_0,
    /// 2 bits, 16 groups with 4-bit scales and minima.
    Q2K,
    /// 3 bits, 16 groups with 6-bit scales.
    Q3K,
    /// 4 bits, 8 groups with 6-bit scales and minima.
    Q4K,
    /// 5 bits, 8 groups with 6-bit scales and minima.
    Q5K,
    /// 6 bits, 16 groups with 8-bit scales.
    Q6K,
}

/// Numbers of a block of the K kinds.
const K_LEN: usize = 256;

impl BlockKind {
    /// Name as ggml writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q5_0 => "Q5_0",
            Self::Q5_1 => "Q5_1",
            Self::Q8_0 => "Q8_0",
            Self::Q2K => "Q2_K",
            Self::Q3K => "Q3_K",
            Self::Q4K => "Q4_K",
            Self::Q5K => "Q5_K",
            Self::Q6K => "Q6_K",
        }
    }

    /// Numbers of one block.
    #[expect(clippy::len_without_is_empty, reason = "no block is empty")]
    pub const fn len(self) -> usize {
        match self {
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 => 32,
            Self::Q2K | Self::Q3K | Self::Q4K | Self::Q5K | Self::Q6K => K_LEN,
        }
    }

    /// Bytes of one block.
    pub const fn n_bytes(self) -> usize {
        match self {
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Q2K => 84,
            Self::Q3K => 110,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
        }
    }

    /// Appends the numbers of whole blocks.
    pub(super) fn decode(self, bytes: &[u8], values: &mut Vec<f32>) {
        for block in bytes.chunks_exact(self.n_bytes()) {
            match self {
                Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 => self.decode_32(block, values),
                Self::Q8_0 => {
                    let scale = half_at(block, 0);
                    values.extend(block[2..].iter().map(|&code| scale * f32::from(code as i8)));
                }
                Self::Q2K => decode_q2k(block, values),
                Self::Q3K => decode_q3k(block, values),
                Self::Q4K | Self::Q5K => self.decode_group_minima(block, values),
                Self::Q6K => decode_q6k(block, values),
            }
        }
    }

    /// `scale`, then optionally `minimum`, then optionally the fifth bits, then 16 bytes of two 4-bit codes: the low
    /// halves are numbers 0 to 15, the high halves 16 to 31.
    fn decode_32(self, block: &[u8], values: &mut Vec<f32>) {
        let has_minimum = matches!(self, Self::Q4_1 | Self::Q5_1);
        let has_fifth = matches!(self, Self::Q5_0 | Self::Q5_1);
        let scale = half_at(block, 0);
        let fifth_start = if has_minimum { 4 } else { 2 };
        let fifth = if has_fifth {
            let bytes = &block[fifth_start..fifth_start + 4];
            u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
        } else {
            0
        };
        let codes = &block[block.len() - 16..];
        let centre = match self {
            Self::Q4_0 => 8,
            Self::Q5_0 => 16,
            _ => 0,
        };
        let minimum = if has_minimum { half_at(block, 2) } else { 0.0 };
        for index in 0..32 {
            let low = codes[index % 16] >> (4 * (index / 16)) & 15;
            let code = u32::from(low) | (fifth >> index & 1) << 4;
            values.push(scale * (code as i32 - centre) as f32 + minimum);
        }
    }

    /// Q4_K and Q5_K: `d`, `dmin`, 12 bytes of packed 6-bit scales and minima, (Q5_K: 32 bytes of fifth bits,)
    /// 128 bytes of 4-bit codes. Groups of 32 share a byte range in pairs.
    fn decode_group_minima(self, block: &[u8], values: &mut Vec<f32>) {
        let (scale, minimum) = (half_at(block, 0), half_at(block, 2));
        let packed = &block[4..16];
        let (fifth, codes) = if self == Self::Q5K {
            (Some(&block[16..48]), &block[48..])
        } else {
            (None, &block[16..])
        };
        for group in 0..8 {
            let (group_scale, group_minimum) = six_bit_pair(packed, group);
            let (scale, minimum) =
                (scale * f32::from(group_scale), minimum * f32::from(group_minimum));
            for index in 0..32 {
                let low = codes[group / 2 * 32 + index] >> (4 * (group % 2)) & 15;
                let high = fifth.map_or(0, |fifth| fifth[index] >> group & 1);
                values.push(scale * f32::from(low | high << 4) - minimum);
            }
        }
    }
}

fn half_at(block: &[u8], start: usize) -> f32 {
    f32::from(f16::from_le_bytes([block[start], block[start + 1]]))
}

/// Scale and minimum of one of 8 groups, 6 bits each, packed into 12 bytes.
fn six_bit_pair(packed: &[u8], group: usize) -> (u8, u8) {
    if group < 4 {
        (packed[group] & 63, packed[group + 4] & 63)
    } else {
        let low = packed[group + 4];
        (low & 15 | packed[group - 4] >> 6 << 4, low >> 4 | packed[group] >> 6 << 4)
    }
}

/// 16 bytes of 4-bit scales and minima, 64 bytes of 2-bit codes, `d`, `dmin`.
fn decode_q2k(block: &[u8], values: &mut Vec<f32>) {
    let (scales, codes) = (&block[..16], &block[16..80]);
    let (scale, minimum) = (half_at(block, 80), half_at(block, 82));
    for index in 0..K_LEN {
        let group = scales[index / 16];
        let code = codes[index / 128 * 32 + index % 32] >> (2 * (index % 128 / 32)) & 3;
        values.push(
            scale * f32::from(group & 15) * f32::from(code) - minimum * f32::from(group >> 4),
        );
    }
}

/// 32 bytes of third bits, 64 bytes of 2-bit codes, 12 bytes of packed 6-bit scales, `d`.
fn decode_q3k(block: &[u8], values: &mut Vec<f32>) {
    let (third, codes, packed) = (&block[..32], &block[32..96], &block[96..108]);
    let scale = half_at(block, 108);
    for index in 0..K_LEN {
        let group = index / 16;
        let low = packed[group % 8] >> (4 * (group / 8)) & 15;
        let high = packed[8 + group % 4] >> (2 * (group / 4)) & 3;
        let group_scale = i32::from(low | high << 4) - 32;
        let code = codes[index / 128 * 32 + index % 32] >> (2 * (index % 128 / 32)) & 3;
        let is_upper = third[index % 32] >> (index / 32) & 1 == 1;
        let code = i32::from(code) - if is_upper { 0 } else { 4 };
        values.push(scale * group_scale as f32 * code as f32);
    }
}

/// 128 bytes of lower 4 bits, 64 bytes of upper 2 bits, 16 scales of 8 bits, `d`.
fn decode_q6k(block: &[u8], values: &mut Vec<f32>) {
    let (lower, upper, scales) = (&block[..128], &block[128..192], &block[192..208]);
    let scale = half_at(block, 208);
    for index in 0..K_LEN {
        let (half, within) = (index / 128, index % 128);
        let low = lower[half * 64 + within % 64] >> (4 * (within / 64)) & 15;
        let high = upper[half * 32 + within % 32] >> (2 * (within / 32)) & 3;
        let code = i32::from(low | high << 4) - 32;
        let group_scale = f32::from(scales[index / 16] as i8);
        values.push(scale * group_scale * code as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(kind: BlockKind, block: &[u8]) -> Vec<f32> {
        assert_eq!(block.len(), kind.n_bytes());
        let mut values = Vec::new();
        kind.decode(block, &mut values);
        assert_eq!(values.len(), kind.len());
        values
    }

    #[test]
    fn four_and_five_bit_blocks_by_hand() {
        let scale = f16::from_f32(0.5).to_le_bytes();
        let minimum = f16::from_f32(-2.0).to_le_bytes();
        let mut codes = [0x98_u8; 16];
        codes[0] = 0xf0;
        let values = decoded(BlockKind::Q4_0, &[&scale[..], &codes].concat());
        assert_eq!((values[0], values[1], values[16], values[17]), (-4.0, 0.0, 3.5, 0.5));
        let values = decoded(BlockKind::Q4_1, &[&scale[..], &minimum, &codes].concat());
        assert_eq!((values[0], values[1], values[16], values[17]), (-2.0, 2.0, 5.5, 2.5));
        let fifth = (1_u32 | 1 << 17).to_le_bytes();
        let values = decoded(BlockKind::Q5_0, &[&scale[..], &fifth, &codes].concat());
        assert_eq!((values[0], values[1], values[16], values[17]), (0.0, -4.0, -0.5, 4.5));
        let values = decoded(BlockKind::Q5_1, &[&scale[..], &minimum, &fifth, &codes].concat());
        assert_eq!((values[0], values[1], values[16], values[17]), (6.0, 2.0, 5.5, 10.5));
    }

    #[test]
    fn eight_bit_blocks_are_signed() {
        let mut block = f16::from_f32(0.25).to_le_bytes().to_vec();
        block.extend((0..32).map(|index| (index - 16_i8) as u8));
        let values = decoded(BlockKind::Q8_0, &block);
        assert_eq!((values[0], values[16], values[31]), (-4.0, 0.0, 3.75));
    }

    #[test]
    fn groups_of_k_blocks_find_their_scales() {
        // Scale 1 everywhere, group scales 1..8, minima 0, all codes 1.
        let one = f16::from_f32(1.0).to_le_bytes();
        let zero = [0_u8; 2];
        let mut packed = [0_u8; 12];
        for group in 0..4_u8 {
            packed[usize::from(group)] = group + 1;
            packed[usize::from(group) + 8] = group + 5;
        }
        let block = [&one[..], &zero, &packed, &[0x11; 128]].concat();
        let values = decoded(BlockKind::Q4K, &block);
        for group in 0..8 {
            assert!(values[group * 32..][..32].iter().all(|&v| v == group as f32 + 1.0));
        }
        let block = [&one[..], &zero, &packed, &[0xff; 32], &[0x11; 128]].concat();
        assert_eq!(decoded(BlockKind::Q5K, &block)[0], 17.0);
        // Q6_K: codes 33 (upper bits 10, lower bits 0001) minus 32.
        let scales: Vec<u8> = (1..=16).collect();
        let block = [&[0x11; 128][..], &[0xaa; 64], &scales, &one].concat();
        let values = decoded(BlockKind::Q6K, &block);
        assert!((0..16).all(|group| values[group * 16] == group as f32 + 1.0));
        // Q2_K: scale nibble 3, minimum nibble 1, codes 2.
        let block = [&[0x13; 16][..], &[0xaa; 64], &one, &one].concat();
        assert!(decoded(BlockKind::Q2K, &block).iter().all(|&value| value == 5.0));
        // Q3_K: 6-bit scale 33 - 32 = 1 (low 4 bits 1, high bits 10), code 3 with its third bit.
        let mut packed = [0x11_u8; 12];
        packed[8..].fill(0xaa);
        let block = [&[0xff; 32][..], &[0xff; 64], &packed, &one].concat();
        assert!(decoded(BlockKind::Q3K, &block).iter().all(|&value| value == 3.0));
    }
}
