//! Products on a processor's matrix unit (Intel AMX), in `f32` precision.
//!
//! The unit multiplies numbers of eight significant bits (bfloat16) and adds in `f32`, sixteen
//! times as many per cycle as AVX-512 does. Three such numbers hold the 24 bits of an `f32`
//! exactly, so a product of two `f32` is the sum of nine products of pieces. The three smallest of
//! these are below the last bit of the result; the other six are computed.
//!
//! Henry, Tang & Heinecke, "Leveraging the bfloat16 Artificial Intelligence Datatype For
//! Higher-Precision Computations" (2019).

use super::Lanes;
use crate::values::{Values, WIDTH};

/// Most numbers that an `f32` is split into.
pub const PIECES: usize = 3;

/// Rows that are computed together.
pub const ROWS: usize = 2 * WIDTH;

/// Lines of an operand for 32 rows or columns and 32 terms of the sum. The left operand is
/// `[half][piece][row]`, each line twice sixteen terms; the right one is
/// `[piece][column][pair]`, each line two terms of sixteen columns.
pub const fn unit<L: Lanes>() -> usize {
    lines(L::PIECES)
}

/// The same for this many pieces.
pub const fn lines(pieces: usize) -> usize {
    2 * pieces * WIDTH
}

/// A product with up to 32 rows and 32 columns.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    /// The left operand, from the first unit on.
    pub left: &'a [Values],
    /// Distance from one unit of the left operand to the next.
    pub stride: usize,
    /// Number of rows, 1 to 32.
    pub rows: usize,
    /// The right operand, unit after unit.
    pub right: &'a [Values],
    /// Number of units to sum over.
    pub units: usize,
    /// Adds to the contents of the output.
    pub accumulate: bool,
    /// What is needed next and must be prefetched.
    pub next: Option<Next>,
}

/// Lines to prefetch while a task is computed, because the matrix unit itself waits for one
/// line after the other.
#[derive(Debug, Clone, Copy)]
pub struct Next {
    /// In a left operand.
    pub left: *const Values,
    /// In a right operand.
    pub right: *const Values,
    /// Where results will be written.
    pub out: *const Values,
}

impl Task<'_> {
    /// Whether everything that is read and written lies within the slices.
    pub(super) fn fits(&self, out: &[Values], pieces: usize) -> bool {
        let (last, unit) = (self.units.wrapping_sub(1), lines(pieces));
        (1..=ROWS).contains(&self.rows)
            && last < self.right.len() / unit
            && self.left.len() >= last * self.stride + unit
            && out.len() >= 2 * self.rows.max(WIDTH + 1)
    }
}

/// Proof that the matrix unit may be used.
#[derive(Debug, Clone, Copy)]
pub struct MatrixUnit(());

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
impl MatrixUnit {
    /// `None`: only supported on Linux.
    pub fn try_new() -> Option<Self> {
        None
    }

    /// Never called.
    pub fn product(self, _task: Task<'_>, _out: &mut [Values]) {}
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub(super) mod unit {
    use std::arch::asm;
    use std::arch::x86_64::__cpuid_count;
    use std::sync::OnceLock;

    use super::{MatrixUnit, Next, PIECES, Task, lines};
    use crate::values::{Values, WIDTH};

    /// Bytes of a line.
    pub const LINE: usize = size_of::<Values>();

    /// The operand of `ldtilecfg`: the shape of each of the eight tile registers.
    #[repr(C, align(64))]
    pub struct Shapes {
        palette: u8,
        start: u8,
        reserved: [u8; 14],
        bytes_per_row: [u16; 16],
        rows: [u8; 16],
    }

    impl Shapes {
        /// Registers 0 to 3: sums; 4 and 5: left; 6 and 7: right.
        pub fn new(count: usize) -> Self {
            let mut bytes_per_row = [0; 16];
            bytes_per_row[..8].fill(LINE as u16);
            let mut rows = [0; 16];
            let all = WIDTH as u8;
            let upper = all.min(count as u8);
            // A register must have at least one row.
            let lower = (count as u8 - upper).max(1);
            rows[..8].copy_from_slice(&[upper, upper, lower, lower, upper, lower, all, all]);
            Self { palette: 1, start: 0, reserved: [0; 14], bytes_per_row, rows }
        }
    }

    impl MatrixUnit {
        /// Available where the processor has one and the system lets this process use
        /// it.
        pub fn try_new() -> Option<Self> {
            static ALLOWED: OnceLock<bool> = OnceLock::new();
            ALLOWED.get_or_init(|| has_unit() && ask()).then_some(Self(()))
        }

        /// Computes `task`; `out` is `[row][column][16]`, with room for seventeen rows.
        ///
        /// # Panics
        ///
        /// Where a slice is shorter than the task says.
        #[inline(always)]
        pub fn product(self, task: Task<'_>, out: &mut [Values]) {
            assert!(task.fits(out, PIECES), "the operands of a product are too short");
            match task.next {
                Some(next) if task.units < 12 => run::<1, 2, 2>(&task, next, out),
                Some(next) => run::<2, 1, 1>(&task, next, out),
                None => {
                    let nothing = std::ptr::null();
                    run::<0, 0, 0>(
                        &task,
                        Next { left: nothing, right: nothing, out: nothing },
                        out,
                    );
                }
            }
        }
    }

    /// AMX-TILE and AMX-BF16.
    fn has_unit() -> bool {
        let has = __cpuid_count(0, 0).eax >= 7;
        has && [22, 24].iter().all(|bit| __cpuid_count(7, 0).edx >> bit & 1 == 1)
    }

    /// Asks the system for permission to use the tile registers, which are too large to be
    /// saved for every process.
    #[allow(unsafe_code)]
    fn ask() -> bool {
        const REQUEST_PERMISSION: libc::c_long = 0x1023;
        const TILE_DATA: libc::c_long = 18;
        // SAFETY: a system call that takes two numbers; a system that does not know it
        // returns an error.
        unsafe { libc::syscall(libc::SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0 }
    }

    /// Loads a piece of the left operand, both halves.
    macro_rules! left {
        ($piece:literal) => {
            concat!(
                "tileloadd tmm4, [{left} + {line}*1 + ",
                $piece,
                "*1024]\n",
                "tileloadd tmm5, [{left} + {line}*1 + ",
                $piece,
                "*1024 + 3072]\n",
            )
        };
    }

    /// Loads a piece of the right operand, both columns.
    macro_rules! right {
        ($piece:literal) => {
            concat!(
                "tileloadd tmm6, [{right} + {line}*1 + ",
                $piece,
                "*2048]\n",
                "tileloadd tmm7, [{right} + {line}*1 + ",
                $piece,
                "*2048 + 1024]\n",
            )
        };
    }

    /// Multiplies what is loaded, then prefetches lines.
    macro_rules! multiply {
        () => {
            concat!(
                "tdpbf16ps tmm0, tmm4, tmm6\n",
                "tdpbf16ps tmm1, tmm4, tmm7\n",
                "tdpbf16ps tmm2, tmm5, tmm6\n",
                "tdpbf16ps tmm3, tmm5, tmm7\n",
                ".rept {rights}\nprefetcht1 [{next_right}]\nadd {next_right}, {line}\n.endr\n",
                ".rept {lefts}\nprefetcht1 [{next_left}]\nadd {next_left}, {line}\n.endr\n",
                ".rept {outs}\nprefetchw [{next_out}]\nadd {next_out}, {line}\n.endr\n",
            )
        };
    }

    /// Computes a task, and prefetches that many lines after each of the six products of
    /// pieces. Their order, 0×0, 0×2, 0×1, 1×1, 1×0, 2×0, is the one that loads the fewest
    /// tiles.
    #[inline(always)]
    #[allow(unsafe_code, clippy::too_many_lines)]
    fn run<const RIGHTS: usize, const LEFTS: usize, const OUTS: usize>(
        task: &Task<'_>,
        next: Next,
        out: &mut [Values],
    ) {
        let shapes = Shapes::new(task.rows);
        // SAFETY: `product` has checked that everything that is read and written lies
        // within the slices, and there is a `MatrixUnit` only where these instructions
        // may be used. The tile registers belong to this block from `ldtilecfg` to
        // `tilerelease`. A prefetch is only a hint.
        unsafe {
            asm!(
                "ldtilecfg [{shapes}]",
                "test {accumulate:e}, {accumulate:e}",
                "jz 2f",
                "tileloadd tmm0, [{out} + {line}*2]",
                "tileloadd tmm1, [{out} + {line}*2 + 64]",
                "tileloadd tmm2, [{out} + {line}*2 + 2048]",
                "tileloadd tmm3, [{out} + {line}*2 + 2112]",
                "jmp 3f",
                "2:",
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "3:",
                left!(0), right!(0), multiply!(),
                right!(2), multiply!(),
                right!(1), multiply!(),
                left!(1), multiply!(),
                right!(0), multiply!(),
                left!(2), multiply!(),
                "add {left}, {stride}",
                "add {right}, {unit}",
                "dec {units}",
                "jnz 3b",
                "tilestored [{out} + {line}*2], tmm0",
                "tilestored [{out} + {line}*2 + 64], tmm1",
                "tilestored [{out} + {line}*2 + 2048], tmm2",
                "tilestored [{out} + {line}*2 + 2112], tmm3",
                "tilerelease",
                rights = const RIGHTS,
                lefts = const LEFTS,
                outs = const OUTS,
                unit = const lines(PIECES) * LINE,
                shapes = in(reg) &raw const shapes,
                accumulate = in(reg) u32::from(task.accumulate),
                left = inout(reg) task.left.as_ptr() => _,
                stride = in(reg) task.stride * LINE,
                right = inout(reg) task.right.as_ptr() => _,
                line = in(reg) LINE,
                units = inout(reg) task.units => _,
                out = in(reg) out.as_mut_ptr(),
                next_left = inout(reg) next.left => _,
                next_right = inout(reg) next.right => _,
                next_out = inout(reg) next.out => _,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}
