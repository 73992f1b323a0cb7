//! Numbers of 32 or 64 bits and the registers that hold several of them.

use std::fmt::Debug;
use std::ops::{AddAssign, Mul};

use bytemuck::Pod;
use pulp::{Arch, Simd, WithSimd};

/// A number that the kernels compute with.
pub trait Real:
    Pod + Send + Sync + Debug + Default + PartialOrd + AddAssign + Mul<Output = Self>
{
    /// A register full of numbers.
    type Register<S: Simd>: Pod + Debug;

    /// The nearest number to `value`.
    fn from_f64(value: f64) -> Self;

    /// `self` in 64 bits.
    fn to_f64(self) -> f64;

    /// Copies of one number.
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Register<S>;

    /// `a · b + c`, rounded once where the processor can.
    fn multiply_add<S: Simd>(
        simd: S,
        a: Self::Register<S>,
        b: Self::Register<S>,
        c: Self::Register<S>,
    ) -> Self::Register<S>;
}

macro_rules! real {
    ($t:ty, $register:ident, $splat:ident, $multiply_add:ident) => {
        impl Real for $t {
            type Register<S: Simd> = S::$register;

            fn from_f64(value: f64) -> Self {
                value as Self
            }

            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn splat<S: Simd>(simd: S, value: Self) -> Self::Register<S> {
                simd.$splat(value)
            }

            #[inline(always)]
            fn multiply_add<S: Simd>(
                simd: S,
                a: Self::Register<S>,
                b: Self::Register<S>,
                c: Self::Register<S>,
            ) -> Self::Register<S> {
                simd.$multiply_add(a, b, c)
            }
        }
    };
}

real!(f32, f32s, splat_f32s, mul_add_e_f32s);
real!(f64, f64s, splat_f64s, mul_add_e_f64s);

/// Numbers in a register of `S`.
#[inline(always)]
pub(crate) const fn lanes_of<T: Real, S: Simd>() -> usize {
    size_of::<T::Register<S>>() / size_of::<T>()
}

/// Numbers in a register of this machine.
pub(crate) fn lanes<T: Real>() -> usize {
    struct Lanes<T>(std::marker::PhantomData<T>);
    impl<T: Real> WithSimd for Lanes<T> {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            lanes_of::<T, S>()
        }
    }
    Arch::new().dispatch(Lanes::<T>(std::marker::PhantomData))
}

/// Numbers that a kernel reads without a check of each place: whoever makes it has checked the furthest.
#[derive(Clone, Copy)]
pub(crate) struct Unchecked<'a, T>(&'a [T]);

#[expect(unsafe_code, reason = "a check at every load would cost a third of a kernel's speed")]
impl<'a, T: Real> Unchecked<'a, T> {
    /// # Safety
    ///
    /// Every place that is read must be followed, itself included, by as many numbers of `numbers` as are read there.
    #[inline(always)]
    pub(crate) unsafe fn new(numbers: &'a [T]) -> Self {
        Self(numbers)
    }

    /// The register's worth of numbers from `at` on.
    #[inline(always)]
    pub(crate) fn load<S: Simd>(self, at: usize) -> T::Register<S> {
        debug_assert!(at + lanes_of::<T, S>() <= self.0.len());
        // SAFETY: promised to `new`.
        unsafe { self.0.as_ptr().add(at).cast::<T::Register<S>>().read_unaligned() }
    }
}

/// Writes a register over the numbers from `at` on.
#[inline(always)]
pub(crate) fn store<T: Real, S: Simd>(numbers: &mut [T], at: usize, register: T::Register<S>) {
    numbers[at..at + lanes_of::<T, S>()]
        .copy_from_slice(bytemuck::cast_slice(std::slice::from_ref(&register)));
}

/// The sum of the numbers in a register, halves first.
#[inline(always)]
pub(crate) fn sum_of_lanes<T: Real, S: Simd>(register: T::Register<S>) -> T {
    let mut numbers = [T::default(); MOST_LANES];
    numbers[..lanes_of::<T, S>()]
        .copy_from_slice(bytemuck::cast_slice(std::slice::from_ref(&register)));
    let mut n = MOST_LANES;
    while n > 1 {
        n /= 2;
        for lane in 0..n {
            let other = numbers[lane + n];
            numbers[lane] += other;
        }
    }
    numbers[0]
}

/// Numbers in the widest register of any machine.
const MOST_LANES: usize = 16;
