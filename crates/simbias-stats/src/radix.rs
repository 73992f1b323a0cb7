//! Sorting by 64-bit keys in linear time, and the map from floats to such keys.

const DIGIT_BITS: u32 = 8;
const N_DIGITS: usize = 1 << DIGIT_BITS;
/// Below this length a comparison sort beats the cost of clearing the histograms.
const SHORTEST: usize = 256;
/// Leading bits that are sorted beyond log2(n): enough that few neighbours are left to compare.
const SPARE_BITS: u32 = 8;
/// Runs up to this length are finished by insertion.
const SHORT_RUN: usize = 16;

/// A key whose unsigned order is the order of finite floats; 0.0 and -0.0 have the same key.
pub(crate) fn order_key(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits(); // -0.0 + 0.0 = 0.0
    let negative = ((bits as i64) >> 63) as u64;
    bits ^ (negative | 1 << 63)
}

/// Sorts `items` by `key`, equal keys in any order that depends on the items only. `spare` is scratch
/// space whose contents are lost.
///
/// Least-significant-digit counting passes over the leading bits in which the keys differ, constant
/// digits skipped; the few neighbours that agree in all those bits are then compared.
pub(crate) fn sort_by_key<T: Copy>(
    items: &mut Vec<T>,
    spare: &mut Vec<T>,
    key: impl Fn(&T) -> u64 + Copy,
) {
    let n = items.len();
    if n < SHORTEST {
        items.sort_unstable_by_key(key);
        return;
    }
    assert!(u32::try_from(n).is_ok(), "{n} items do not fit 32-bit counts");
    let (mut least, mut greatest) = (u64::MAX, 0);
    for item in items.iter() {
        least = least.min(key(item));
        greatest = greatest.max(key(item));
    }
    let width = u64::BITS - (greatest - least).leading_zeros();
    if width == 0 {
        return;
    }
    let n_passes = width.min(n.ilog2() + SPARE_BITS).div_ceil(DIGIT_BITS);
    let unsorted_bits = width.saturating_sub(n_passes * DIGIT_BITS);
    let digit = |item: &T, pass: u32| {
        ((key(item) - least) >> (unsorted_bits + pass * DIGIT_BITS)) as usize % N_DIGITS
    };

    let mut counts = vec![[0_u32; N_DIGITS]; n_passes as usize];
    for item in items.iter() {
        for (pass, count) in counts.iter_mut().enumerate() {
            count[digit(item, pass as u32)] += 1;
        }
    }
    spare.clear();
    spare.resize(n, items[0]);
    for (pass, count) in counts.iter_mut().enumerate() {
        if count[digit(&items[0], pass as u32)] as usize == n {
            continue;
        }
        let mut start = 0;
        for slot in count.iter_mut() {
            start += std::mem::replace(slot, start);
        }
        for item in items.iter() {
            let slot = &mut count[digit(item, pass as u32)];
            spare[*slot as usize] = *item;
            *slot += 1;
        }
        std::mem::swap(items, spare);
    }
    if unsorted_bits > 0 {
        finish_runs(items, key, |item| (key(item) - least) >> unsorted_bits);
    }
}

/// Sorts every run of items with equal `prefix`; the prefixes are sorted already.
fn finish_runs<T: Copy>(
    items: &mut [T],
    key: impl Fn(&T) -> u64 + Copy,
    prefix: impl Fn(&T) -> u64,
) {
    let mut start = 0;
    while start + 1 < items.len() {
        let shared = prefix(&items[start]);
        let mut end = start + 1;
        while end < items.len() && prefix(&items[end]) == shared {
            end += 1;
        }
        if end - start > SHORT_RUN {
            items[start..end].sort_unstable_by_key(key);
        } else {
            for unsorted in start + 1..end {
                let item = items[unsorted];
                let mut hole = unsorted;
                while hole > start && key(&items[hole - 1]) > key(&item) {
                    items[hole] = items[hole - 1];
                    hole -= 1;
                }
                items[hole] = item;
            }
        }
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(mut values: Vec<f64>) -> Vec<f64> {
        sort_by_key(&mut values, &mut Vec::new(), |value| order_key(*value));
        values
    }

    fn check(values: Vec<f64>) {
        let mut expected = values.clone();
        expected.sort_by(|a, b| a.partial_cmp(b).unwrap());
        assert_eq!(sorted(values), expected); // `==` on floats, so -0.0 and 0.0 may trade places.
    }

    fn finite() -> impl Strategy<Value = f64> {
        any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |value| value.is_finite())
    }

    #[test]
    fn zeros_share_a_key_and_signs_are_ordered() {
        assert_eq!(order_key(0.0), order_key(-0.0));
        let ascending = [f64::MIN, -1.0, -f64::MIN_POSITIVE, -5e-324, 0.0, 5e-324, 1.0, f64::MAX];
        assert!(ascending.windows(2).all(|pair| order_key(pair[0]) < order_key(pair[1])));
    }

    #[test]
    fn long_runs_that_agree_in_the_leading_bits_are_finished() {
        let crowd = (0..5000_u64).map(|i| f64::from_bits(1.0_f64.to_bits() + i * 7919 % 5000));
        check(crowd.chain([-1e300, 1e300, 0.0, -0.0]).collect());
    }

    #[test]
    fn constants_and_few_values() {
        check(vec![2.5; 3000]);
        check((0..5000).map(|i| f64::from(i * 31 % 7) - 3.0).collect());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn any_finite_floats(values in prop::collection::vec(finite(), 0..4000)) {
            check(values);
        }

        #[test]
        fn crowded_floats(values in prop::collection::vec(-1.0..1.0_f64, 1000..4000), step in 1e-4..0.1_f64) {
            check(values.iter().map(|value| (value / step).round() * step).collect());
            check(values);
        }
    }
}
