//! Where the numbers of a convolution lie: images are laid out so that every tap of a filter reads a register's worth
//! of neighbouring pixels at a fixed distance from the output pixels it goes to.
//!
//! There are three such layouts. *Planes* hold a channel with zeros around it, one plane for every remainder of the pixel
//! index by the stride: a tap is then a shift of its plane. *Interleaved* images hold, side by side, one pixel of as many
//! images as a register has numbers: nothing is wasted at the ends of rows, and every load is aligned; it pays for small
//! images. *Unfolded* images hold a row of output pixels for every tap of every channel, which costs a copy a tap; it
//! serves small images of which there are too few.

use std::ops::Range;

/// Unfolded images of a block take at most this many bytes, so that they stay in a core's cache; the last ones of a batch
/// that is interleaved otherwise may take more.
const UNFOLDED_BYTES: usize = 1 << 20;
/// Planes of a block of several images take at most this many bytes.
const PLANES_BYTES: usize = 1 << 20;
/// Interleaved images take at most this many bytes.
const INTERLEAVED_BYTES: usize = 1 << 20;
/// What it costs to copy one number of an unfolded image, in multiply-adds of a register.
const COPY_COST: usize = 2;
/// What it costs to interleave one number, or to take it apart again, in multiply-adds of a register.
const INTERLEAVING_COST: usize = 3;

/// A tap along one axis: output pixel `o` reads input pixel `o · stride + shift`, if there is one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tap {
    /// Index of the tap within the filter.
    pub(super) index: usize,
    pub(super) shift: isize,
}

/// One axis of a correlation.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) n_in: usize,
    pub(super) n_out: usize,
    pub(super) stride: usize,
    pub(super) taps: Vec<Tap>,
}

/// The taps of an axis that read the same plane, and the rows or columns that they reach.
#[derive(Debug)]
struct Phase {
    remainder: usize,
    /// The pixel `first · stride + remainder` comes first in the plane.
    first: isize,
    length: usize,
}

impl Axis {
    /// Remainder and quotient of a tap's shift by the stride.
    fn split(&self, tap: &Tap) -> (usize, isize) {
        let stride = self.stride as isize;
        (tap.shift.rem_euclid(stride) as usize, tap.shift.div_euclid(stride))
    }

    fn phases(&self) -> Vec<Phase> {
        let mut remainders: Vec<usize> = self.taps.iter().map(|tap| self.split(tap).0).collect();
        remainders.sort_unstable();
        remainders.dedup();
        let phase = |remainder| {
            let quotients =
                self.taps.iter().map(|tap| self.split(tap)).filter(|tap| tap.0 == remainder);
            let quotients: Vec<isize> = quotients.map(|tap| tap.1).collect();
            let first = quotients.iter().copied().min().unwrap_or(0);
            let last = quotients.iter().copied().max().unwrap_or(0);
            Phase { remainder, first, length: self.n_out + (last - first) as usize }
        };
        remainders.into_iter().map(phase).collect()
    }

    /// Places `0..length` whose pixel `(first + place) · stride + remainder` is in the image, and the first such pixel.
    fn covered(&self, first: isize, remainder: usize, length: usize) -> (Range<usize>, usize) {
        let (stride, remainder) = (self.stride as isize, remainder as isize);
        // The least quotient with a pixel at or after 0, and the least one with a pixel beyond the end.
        let low = (-remainder).div_euclid(stride) + isize::from(remainder % stride != 0);
        let high = (self.n_in as isize - remainder + stride - 1).div_euclid(stride);
        let start = (low - first).clamp(0, length as isize);
        let end = (high - first).clamp(start, length as isize);
        let pixel = (first + start) * stride + remainder;
        (start as usize..end as usize, pixel.max(0) as usize)
    }
}

/// Where output pixel `[row, column]` of the first channel of an image belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Destination {
    pub(super) origin: usize,
    pub(super) row_step: usize,
    pub(super) column_step: usize,
    /// Distance between images.
    pub(super) image_step: usize,
}

/// Channels that are correlated with filters.
#[derive(Clone, Debug)]
pub(super) struct Correlation {
    pub(super) channels: usize,
    /// Rows and columns.
    pub(super) axes: [Axis; 2],
    pub(super) destination: Destination,
}

impl Correlation {
    /// Taps of a filter as (row tap, column tap), in the order of the weights.
    pub(super) fn taps(&self) -> impl Iterator<Item = (&Tap, &Tap)> {
        let [rows, columns] = &self.axes;
        rows.taps.iter().flat_map(move |row| columns.taps.iter().map(move |column| (row, column)))
    }

    fn n_taps(&self) -> usize {
        self.axes[0].taps.len() * self.axes[1].taps.len()
    }

    fn n_positions(&self) -> usize {
        self.axes[0].n_out * self.axes[1].n_out
    }
}

/// A run of pixels copied from a channel of an image.
#[derive(Debug)]
struct Copy {
    from: usize,
    to: usize,
    n: usize,
}

/// Lanes of a register that hold output pixels side by side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) lane: usize,
    pub(super) to: usize,
    pub(super) n: usize,
}

/// The layout of a block of images.
#[derive(Debug)]
pub(super) struct Plan {
    /// Images in a block.
    pub(super) n_images: usize,
    /// Numbers of the layout, with a register's worth of zeros at the end.
    pub(super) length: usize,
    /// Distance between channels in the layout.
    pub(super) channel_step: usize,
    /// Distance of each tap from the output position, in the order of the weights.
    pub(super) offsets: Vec<usize>,
    /// Where each register of output positions begins.
    pub(super) starts: Vec<usize>,
    /// Distance between neighbouring numbers of a piece in the output.
    pub(super) lane_step: usize,
    /// Where each register belongs if it holds one pixel of every image, and the distance between images. Pieces then
    /// lie in a block of whole registers that must be [taken apart](Plan::take_apart).
    pub(super) pixels: Option<(Vec<usize>, usize)>,
    pieces: Vec<Piece>,
    piece_ends: Vec<usize>,
    copies: Vec<Copy>,
    image_step: usize,
    /// Distance between neighbouring pixels of a row in the layout.
    pixel_step: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Planes,
    Interleaved,
    Unfolded,
}

/// What a plan is made for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Filters that read each number.
    pub(super) n_filters: usize,
    /// Numbers in a register.
    pub(super) lanes: usize,
    /// Bytes of a number.
    pub(super) bytes: usize,
    /// Registers that a block should have at least, memory allowing.
    pub(super) n_registers: usize,
    /// Most images of a block.
    pub(super) most_images: usize,
}

impl Plan {
    /// The cheapest of the three layouts.
    pub(super) fn new(correlation: &Correlation, wanted: Wanted) -> Self {
        let Wanted { n_filters, lanes, bytes, n_registers, most_images } = wanted;
        let Correlation { channels, axes: [rows, columns], .. } = correlation;
        let n_weights = channels * correlation.n_taps();
        let n_positions = correlation.n_positions();
        // Costs of one image in multiply-adds of single numbers. Filters are taken four at a time at least.
        let products = n_weights * n_filters.next_multiple_of(4);
        let planes = Planes::new(correlation, lanes);
        // Most loads straddle two cache lines.
        let of_planes = planes.starts.len() * lanes * products * 11 / 10;
        let moved = channels * rows.n_in * columns.n_in + n_filters * n_positions;
        let interleaved_bytes = interleaved_length(correlation, lanes) * bytes;
        // Registers of one number interleave nothing.
        let of_interleaved =
            (lanes > 1 && most_images >= lanes && interleaved_bytes <= INTERLEAVED_BYTES)
                .then_some(n_positions * products + INTERLEAVING_COST * lanes * moved);
        let unfolded_bytes = n_weights * n_positions * bytes;
        let of_unfolded = (2 * unfolded_bytes <= UNFOLDED_BYTES)
            .then_some(n_positions * (products + COPY_COST * lanes * n_weights));
        let cheapest = of_unfolded.into_iter().chain(of_interleaved).fold(of_planes, usize::min);
        if of_interleaved == Some(cheapest) {
            interleaved(correlation, lanes)
        } else if of_unfolded == Some(cheapest) {
            let by_memory = UNFOLDED_BYTES / unfolded_bytes.max(1);
            let by_registers = (n_registers * lanes).div_ceil(n_positions.max(1));
            let n_images = by_registers.min(by_memory).clamp(1, most_images.max(1));
            unfolded(correlation, n_images, lanes)
        } else {
            let by_memory = PLANES_BYTES / (planes.image_step * bytes).max(1);
            let by_registers = n_registers.div_ceil(planes.starts.len().max(1));
            let n_images = by_registers.min(by_memory).clamp(1, most_images.max(1));
            planes.plan(correlation, n_images, lanes)
        }
    }

    /// The same layout for fewer images.
    pub(super) fn shortened(
        &self,
        correlation: &Correlation,
        n_images: usize,
        lanes: usize,
    ) -> Self {
        match self.kind {
            Kind::Interleaved if n_images == lanes => interleaved(correlation, lanes),
            Kind::Planes => Planes::new(correlation, lanes).plan(correlation, n_images, lanes),
            Kind::Interleaved | Kind::Unfolded => unfolded(correlation, n_images, lanes),
        }
    }

    /// Pieces of the register with this index.
    pub(super) fn pieces(&self, register: usize) -> &[Piece] {
        let start = register.checked_sub(1).map_or(0, |before| self.piece_ends[before]);
        &self.pieces[start..self.piece_ends[register]]
    }

    /// Copies the channels `images[image][channels]` of `image_size` numbers an image, `plane` numbers a channel, into
    /// the layout, whose other numbers are zero already.
    pub(super) fn lay_out<T: std::marker::Copy>(
        &self,
        correlation: &Correlation,
        images: &[T],
        [image_size, plane]: [usize; 2],
        layout: &mut [T],
    ) {
        if self.copies.is_empty() {
            return;
        }
        let step = if self.kind == Kind::Interleaved { 1 } else { correlation.axes[1].stride };
        for channel in 0..correlation.channels {
            for image in 0..self.n_images {
                let pixels = &images[image * image_size + channel * plane..][..plane];
                let layout = &mut layout[image * self.image_step + channel * self.channel_step..];
                for &Copy { from, to, n } in &self.copies {
                    if step == 1 && self.pixel_step == 1 {
                        copy_run(&pixels[from..from + n], &mut layout[to..to + n]);
                    } else if step == 1 {
                        interleave(&pixels[from..from + n], self.pixel_step, &mut layout[to..]);
                    } else {
                        let pixels = pixels[from..].iter().step_by(step);
                        layout[to..to + n].iter_mut().zip(pixels).for_each(|(to, x)| *to = *x);
                    }
                }
            }
        }
    }

    /// Copies the numbers of a block of whole registers, `[filters, registers, images]`, to where they belong.
    pub(super) fn take_apart<T: std::marker::Copy>(
        &self,
        block: &[T],
        filter_step: usize,
        out: &mut [T],
    ) {
        let Some((pixels, image_step)) = &self.pixels else { return };
        let lanes = self.n_images;
        let Some(&first) = pixels.first() else { return };
        let is_row = pixels.iter().enumerate().all(|(nth, to)| first + nth == *to);
        for (filter, registers) in block.chunks_exact(pixels.len() * lanes).enumerate() {
            for image in 0..lanes {
                let numbers = registers[image..].iter().step_by(lanes);
                let out = &mut out[image * image_step + filter * filter_step..];
                if is_row {
                    let out = &mut out[first..first + pixels.len()];
                    out.iter_mut().zip(numbers).for_each(|(out, number)| *out = *number);
                } else {
                    pixels.iter().zip(numbers).for_each(|(&to, number)| out[to] = *number);
                }
            }
        }
    }

    /// Fills in where each register's numbers belong.
    fn with_destinations(
        mut self,
        destinations: impl Fn(usize) -> Vec<Option<usize>>,
        n_registers: usize,
    ) -> Self {
        for register in 0..n_registers {
            let mut last: Option<Piece> = None;
            for (lane, to) in destinations(register).into_iter().enumerate() {
                let Some(to) = to else { continue };
                match &mut last {
                    Some(piece)
                        if piece.lane + piece.n == lane
                            && piece.to + piece.n * self.lane_step == to =>
                    {
                        piece.n += 1;
                    }
                    _ => self.pieces.extend(last.replace(Piece { lane, to, n: 1 })),
                }
            }
            self.pieces.extend(last);
            self.piece_ends.push(self.pieces.len());
        }
        self
    }

    /// The furthest number that is read from the layout of `channels` channels, and all before it.
    pub(super) fn reach(&self, channels: usize, lanes: usize) -> usize {
        let furthest = |places: &[usize]| places.iter().copied().max();
        match (furthest(&self.starts), furthest(&self.offsets), channels.checked_sub(1)) {
            (Some(start), Some(offset), Some(channel)) => {
                channel * self.channel_step + offset + start + lanes
            }
            _ => 0,
        }
    }
}

/// Writes `pixels` over every `step`th number of `to`.
pub(super) fn interleave<T: std::marker::Copy>(pixels: &[T], step: usize, to: &mut [T]) {
    match step {
        16 => interleave_by::<T, 16>(pixels, to),
        8 => interleave_by::<T, 8>(pixels, to),
        _ => to.iter_mut().step_by(step).zip(pixels).for_each(|(to, pixel)| *to = *pixel),
    }
}

#[inline(always)]
fn interleave_by<T: std::marker::Copy, const STEP: usize>(pixels: &[T], to: &mut [T]) {
    let mut numbers = to.chunks_exact_mut(STEP);
    let (mut all_but_last, last) = match pixels.split_last() {
        Some((last, before)) => (before.iter(), last),
        None => return,
    };
    // The last chunk may end before a whole step does.
    for (chunk, pixel) in (&mut numbers).zip(&mut all_but_last) {
        chunk[0] = *pixel;
    }
    let at = (pixels.len() - 1) * STEP;
    to[at] = *last;
}

/// Copies a run that is mostly too short for a call of `memcpy` to pay: by two copies of a fixed size that overlap.
#[inline(always)]
pub(super) fn copy_run<T: std::marker::Copy>(from: &[T], to: &mut [T]) {
    match from.len() {
        16..=32 => both_ends::<T, 16>(from, to),
        8..=15 => both_ends::<T, 8>(from, to),
        4..=7 => both_ends::<T, 4>(from, to),
        2..=3 => both_ends::<T, 2>(from, to),
        1 => to[0] = from[0],
        _ => to.copy_from_slice(from),
    }
}

#[inline(always)]
fn both_ends<T: std::marker::Copy, const N: usize>(from: &[T], to: &mut [T]) {
    if let (Some(from), Some(to)) = (from.first_chunk::<N>(), to.first_chunk_mut::<N>()) {
        *to = *from;
    }
    if let (Some(from), Some(to)) = (from.last_chunk::<N>(), to.last_chunk_mut::<N>()) {
        *to = *from;
    }
}

/// Channels with zeros around them, one plane for every pair of remainders.
struct Planes {
    rows: Vec<Phase>,
    columns: Vec<Phase>,
    row_step: usize,
    plane: usize,
    /// Where the registers of one image begin.
    starts: Vec<usize>,
    image_step: usize,
    /// Output positions in a register that is counted along a row, or `None` where registers run over row ends.
    by_rows: bool,
}

impl Planes {
    fn new(correlation: &Correlation, lanes: usize) -> Self {
        let [row_axis, column_axis] = &correlation.axes;
        let (rows, columns) = (row_axis.phases(), column_axis.phases());
        let [height, width] = [row_axis.n_out, column_axis.n_out];
        // A correlation without taps still has output pixels.
        let row_step = columns.iter().map(|phase| phase.length).fold(width, usize::max);
        let plane = row_step * rows.iter().map(|phase| phase.length).fold(height, usize::max);
        // Every plane is aligned.
        let plane = plane.next_multiple_of(lanes);
        let per_row = width.div_ceil(lanes);
        let n_positions = if height * width == 0 { 0 } else { (height - 1) * row_step + width };
        let by_rows = height * per_row <= n_positions.div_ceil(lanes);
        let starts = if by_rows {
            (0..height)
                .flat_map(|row| (0..per_row).map(move |part| row * row_step + part * lanes))
                .collect()
        } else {
            (0..n_positions).step_by(lanes).collect()
        };
        let image_step = correlation.channels * rows.len() * columns.len() * plane;
        Self { rows, columns, row_step, plane, starts, image_step, by_rows }
    }

    fn plan(self, correlation: &Correlation, n_images: usize, lanes: usize) -> Plan {
        let [row_axis, column_axis] = &correlation.axes;
        let base_of = |row: usize, column: usize| (row * self.columns.len() + column) * self.plane;
        let place = |axis: &Axis, phases: &[Phase], tap: &Tap| {
            let (remainder, quotient) = axis.split(tap);
            // Every tap's remainder is among the phases that were made from the taps.
            let phase = phases.iter().position(|phase| phase.remainder == remainder).unwrap_or(0);
            (phase, (quotient - phases[phase].first) as usize)
        };
        let offsets = correlation
            .taps()
            .map(|(row, column)| {
                let (row_phase, row) = place(row_axis, &self.rows, row);
                let (column_phase, column) = place(column_axis, &self.columns, column);
                base_of(row_phase, column_phase) + row * self.row_step + column
            })
            .collect();
        let mut copies = Vec::new();
        for (i, rows) in self.rows.iter().enumerate() {
            let (covered_rows, first_row) =
                row_axis.covered(rows.first, rows.remainder, rows.length);
            for (j, columns) in self.columns.iter().enumerate() {
                let (covered, first) =
                    column_axis.covered(columns.first, columns.remainder, columns.length);
                copies.extend(
                    covered_rows.clone().enumerate().filter(|_| !covered.is_empty()).map(
                        |(nth, row)| Copy {
                            from: (first_row + nth * row_axis.stride) * column_axis.n_in + first,
                            to: base_of(i, j) + row * self.row_step + covered.start,
                            n: covered.len(),
                        },
                    ),
                );
            }
        }
        let [height, width] = [row_axis.n_out, column_axis.n_out];
        let Destination { origin, row_step, column_step, image_step } = correlation.destination;
        let per_image = self.starts.len();
        let plan = Plan {
            n_images,
            length: n_images * self.image_step + self.plane.max(1) + lanes,
            channel_step: self.rows.len() * self.columns.len() * self.plane,
            offsets,
            starts: (0..n_images)
                .flat_map(|image| {
                    self.starts.iter().map(move |start| image * self.image_step + start)
                })
                .collect(),
            lane_step: column_step,
            pixels: None,
            pieces: Vec::new(),
            piece_ends: Vec::new(),
            copies,
            image_step: self.image_step,
            pixel_step: 1,
            kind: Kind::Planes,
        };
        let destinations = |register: usize| {
            let (image, start) = (register / per_image, self.starts[register % per_image]);
            (0..lanes)
                .map(|lane| {
                    let (row, column) = if self.by_rows {
                        (start / self.row_step, start % self.row_step + lane)
                    } else {
                        ((start + lane) / self.row_step, (start + lane) % self.row_step)
                    };
                    (row < height && column < width).then(|| {
                        image * image_step + origin + row * row_step + column * column_step
                    })
                })
                .collect()
        };
        plan.with_destinations(destinations, n_images * per_image)
    }
}

/// A row of output pixels for every tap of every channel.
fn unfolded(correlation: &Correlation, n_images: usize, lanes: usize) -> Plan {
    let [row_axis, column_axis] = &correlation.axes;
    let per_image = correlation.n_positions();
    let n_positions = n_images * per_image;
    // Registers of the last tap may reach beyond the last position.
    let tap_step = n_positions.next_multiple_of(lanes);
    let mut copies = Vec::new();
    for (tap, (row_tap, column_tap)) in correlation.taps().enumerate() {
        let (row_remainder, row_quotient) = row_axis.split(row_tap);
        let (column_remainder, column_quotient) = column_axis.split(column_tap);
        let (rows, first_row) = row_axis.covered(row_quotient, row_remainder, row_axis.n_out);
        let (columns, first) =
            column_axis.covered(column_quotient, column_remainder, column_axis.n_out);
        copies.extend(rows.enumerate().filter(|_| !columns.is_empty()).map(|(nth, row)| Copy {
            from: (first_row + nth * row_axis.stride) * column_axis.n_in + first,
            to: tap * tap_step + row * column_axis.n_out + columns.start,
            n: columns.len(),
        }));
    }
    let n_taps = correlation.n_taps();
    let Destination { origin, row_step, column_step, image_step } = correlation.destination;
    let plan = Plan {
        n_images,
        length: correlation.channels * n_taps * tap_step + lanes,
        channel_step: n_taps * tap_step,
        offsets: (0..n_taps).map(|tap| tap * tap_step).collect(),
        starts: (0..n_positions).step_by(lanes).collect(),
        lane_step: column_step,
        pixels: None,
        pieces: Vec::new(),
        piece_ends: Vec::new(),
        copies,
        image_step: per_image,
        pixel_step: 1,
        kind: Kind::Unfolded,
    };
    let width = column_axis.n_out;
    let destinations = |register: usize| {
        (register * lanes..(register + 1) * lanes)
            .map(|position| {
                let (image, within) = (position / per_image, position % per_image);
                let (row, column) = (within / width, within % width);
                (position < n_positions)
                    .then(|| image * image_step + origin + row * row_step + column * column_step)
            })
            .collect()
    };
    plan.with_destinations(destinations, n_positions.div_ceil(lanes))
}

/// Pixels before the first one and in all, with the zeros that taps reach.
fn padded(axis: &Axis) -> [usize; 2] {
    let shifts = || axis.taps.iter().map(|tap| tap.shift);
    let before = shifts().min().map_or(0, |first| (-first).max(0));
    let last = (axis.n_out.max(1) - 1) * axis.stride;
    let end = shifts().max().map_or(0, |shift| last as isize + shift + 1);
    [before as usize, (before + end.max(axis.n_in as isize)) as usize]
}

fn interleaved_length(correlation: &Correlation, lanes: usize) -> usize {
    let [[_, height], [_, width]] = [padded(&correlation.axes[0]), padded(&correlation.axes[1])];
    correlation.channels * height * width * lanes
}

/// Every pixel of as many images as a register has numbers.
fn interleaved(correlation: &Correlation, lanes: usize) -> Plan {
    let [rows, columns] = &correlation.axes;
    let [[above, height], [left, width]] = [padded(rows), padded(columns)];
    let place = |row: isize, column: isize| {
        ((row + above as isize) as usize * width + (column + left as isize) as usize) * lanes
    };
    let Destination { origin, row_step, column_step, image_step } = correlation.destination;
    let positions =
        || (0..rows.n_out).flat_map(|row| (0..columns.n_out).map(move |column| (row, column)));
    let pixels: Vec<usize> =
        positions().map(|(row, column)| origin + row * row_step + column * column_step).collect();
    let n_registers = pixels.len();
    let plan = Plan {
        n_images: lanes,
        length: interleaved_length(correlation, lanes) + lanes,
        channel_step: height * width * lanes,
        offsets: correlation.taps().map(|(row, column)| place(row.shift, column.shift)).collect(),
        starts: positions()
            .map(|(row, column)| (row * rows.stride * width + column * columns.stride) * lanes)
            .collect(),
        lane_step: 1,
        pixels: Some((pixels, image_step)),
        pieces: Vec::new(),
        piece_ends: Vec::new(),
        copies: (0..rows.n_in)
            .map(|row| Copy {
                from: row * columns.n_in,
                to: place(row as isize, 0),
                n: columns.n_in,
            })
            .collect(),
        image_step: 1,
        pixel_step: lanes,
        kind: Kind::Interleaved,
    };
    let destinations =
        |register: usize| (0..lanes).map(|lane| Some(register * lanes + lane)).collect();
    plan.with_destinations(destinations, n_registers)
}
