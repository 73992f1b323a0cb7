//! Numbers of 32 or 64 bits and the registers that hold several of them.

use std::fmt::Debug;
use std::mem::MaybeUninit;
use std::ops::{Add, AddAssign, Mul, Sub};
use std::sync::atomic::{AtomicU8, Ordering};

use bytemuck::Pod;
use pulp::{Arch, Simd, WithSimd};

/// Who may be a [`Real`].
mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A number that the kernels compute with: `f32` or `f64`.
pub trait Real:
    sealed::Sealed
    + Pod
    + Send
    + Sync
    + Debug
    + Default
    + PartialOrd
    + Add<Output = Self>
    + AddAssign
    + Sub<Output = Self>
    + Mul<Output = Self>
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

    /// The sum of the numbers in a register.
    ///
    /// # Safety
    ///
    /// The machine must have the registers of `S`.
    #[expect(unsafe_code, reason = "instructions of the processor")]
    unsafe fn sum<S: Simd>(register: Self::Register<S>) -> Self;
}

macro_rules! real {
    ($t:ty, $register:ident, $splat:ident, $multiply_add:ident, $sum:ident) => {
        impl Real for $t {
            type Register<S: Simd> = S::$register;

            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as Self
            }

            #[inline(always)]
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

            // What the compiler makes of additions lane by lane takes three times as long.
            #[expect(
                unsafe_code,
                reason = "an instruction of the processor that this is compiled for"
            )]
            #[inline(always)]
            unsafe fn sum<S: Simd>(register: Self::Register<S>) -> Self {
                #[cfg(target_arch = "x86_64")]
                if size_of::<Self::Register<S>>() == size_of::<std::arch::x86_64::__m512>() {
                    // SAFETY: registers of this size are those of AVX-512, which the caller promises to be there; both
                    // types are as many numbers in a row.
                    return unsafe { std::arch::x86_64::$sum(std::mem::transmute_copy(&register)) };
                }
                let numbers: &[Self] = bytemuck::cast_slice(std::slice::from_ref(&register));
                numbers.iter().sum()
            }
        }
    };
}

real!(f32, f32s, splat_f32s, mul_add_e_f32s, _mm512_reduce_add_ps);
real!(f64, f64s, splat_f64s, mul_add_e_f64s, _mm512_reduce_add_pd);

/// The widest registers that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RegisterLimit {
    /// Whatever the machine has.
    Machine,
    /// Those of 256 bits (AVX2), where the machine has them.
    Avx2,
    /// One number at a time.
    Scalar,
}

static LIMIT: AtomicU8 = AtomicU8::new(RegisterLimit::Machine as u8);

/// Limits the registers of all kernels of this process, so that a test on one machine covers others.
#[doc(hidden)]
pub fn limit_registers(limit: RegisterLimit) {
    LIMIT.store(limit as u8, Ordering::Relaxed);
}

/// The registers that kernels are compiled for and that this machine has.
pub(crate) fn arch() -> Arch {
    match LIMIT.load(Ordering::Relaxed) {
        limit if limit == RegisterLimit::Scalar as u8 => Arch::Scalar,
        #[cfg(target_arch = "x86_64")]
        limit if limit == RegisterLimit::Avx2 as u8 => {
            pulp::x86::V3::try_new().map_or(Arch::Scalar, Arch::V3)
        }
        _ => Arch::new(),
    }
}

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
    arch().dispatch(Lanes::<T>(std::marker::PhantomData))
}

/// Runs `work`, a closure marked `#[inline(always)]`, compiled for this machine's registers.
#[inline(always)]
pub(crate) fn vectorised<R>(work: impl FnMut() -> R) -> R {
    struct Work<F>(F);
    impl<R, F: FnMut() -> R> WithSimd for Work<F> {
        type Output = R;
        // Pulp's own form calls closures as `FnOnce`, through a function that is compiled for any machine.
        #[inline(always)]
        fn with_simd<S: Simd>(mut self, _: S) -> R {
            (self.0)()
        }
    }
    arch().dispatch(Work(work))
}

/// Numbers that a kernel reads without a check of each place: whoever makes it has checked the furthest.
#[derive(Clone, Copy)]
pub(crate) struct Unchecked<'a, T>(&'a [T]);

#[expect(unsafe_code, reason = "a check at every load would stand in the innermost loop")]
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
pub(crate) fn store<T: Real, S: Simd>(
    numbers: &mut [MaybeUninit<T>],
    at: usize,
    register: T::Register<S>,
) {
    let register = bytemuck::cast_slice(std::slice::from_ref(&register));
    numbers[at..at + lanes_of::<T, S>()].write_copy_of_slice(register);
}

/// A vector of `n` numbers that are written by `write` and need no zeros before.
///
/// # Safety
///
/// `write` must have written every number when it returns.
#[expect(unsafe_code, reason = "zeroing every result took 7 % of a ResNet-18's training step")]
pub(crate) unsafe fn written<T: Real>(
    n: usize,
    write: impl FnOnce(&mut [MaybeUninit<T>]),
) -> Vec<T> {
    let mut numbers = Vec::with_capacity(n);
    write(&mut numbers.spare_capacity_mut()[..n]);
    // SAFETY: the caller promises that all of them are written; the capacity is at least as large.
    unsafe { numbers.set_len(n) };
    numbers
}

/// Zeros that begin at a multiple of the widest register's size, so that whole registers do not straddle cache lines.
#[derive(Debug)]
pub(crate) struct AlignedZeros<T> {
    numbers: Vec<T>,
    first: usize,
}

impl<T: Real> AlignedZeros<T> {
    pub(crate) fn new(n: usize) -> Self {
        const BYTES: usize = 64;
        let numbers = vec![T::default(); n + BYTES / size_of::<T>()];
        let first = numbers.as_ptr().align_offset(BYTES).min(BYTES / size_of::<T>());
        Self { numbers, first }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.numbers[self.first..]
    }
}
