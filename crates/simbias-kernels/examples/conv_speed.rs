use std::time::Instant;
use simbias_kernels::Convolution;
#[global_allocator]
static A: mimalloc::MiMalloc = mimalloc::MiMalloc;
fn best(mut f: impl FnMut()) -> f64 {
    let start = Instant::now();
    f();
    let n = (0.3 / start.elapsed().as_secs_f64()).clamp(3.0, 200.0) as usize;
    (0..n).map(|_| { let s = Instant::now(); f(); s.elapsed().as_secs_f64() }).fold(f64::INFINITY, f64::min)
}
fn main() {
    let threads: usize = std::env::args().nth(1).map_or(2, |x| x.parse().unwrap());
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().unwrap();
    let of = |channels, filters, groups, size: usize, kernel: usize, stride: usize| Convolution {
        channels, filters, groups, size: [size; 2], kernel: [kernel; 2], stride: [stride; 2], padding: [kernel / 2; 2], dilation: [1; 2] };
    for (name, c) in [
        ("1->16 5x5 28", of(1, 16, 1, 28, 5, 1)),
        ("3->16 5x5 28", of(3, 16, 1, 28, 5, 1)),
        ("16->32 3x3 14", of(16, 32, 1, 14, 3, 1)),
        ("64->64 3x3 32", of(64, 64, 1, 32, 3, 1)),
        ("128->128 3x3 s2 16", of(128, 128, 1, 16, 3, 2)),
        ("dw 128 7x7 28", of(128, 128, 128, 28, 7, 1)),
        ("256->64 1x1 14", of(256, 64, 1, 14, 1, 1)),
        ("16->16 3x3 32", of(16, 16, 1, 32, 3, 1)),
        ("32->32 3x3 16", of(32, 32, 1, 16, 3, 1)),
        ("64->64 3x3 8", of(64, 64, 1, 8, 3, 1)),
        ("128->128 3x3 4", of(128, 128, 1, 4, 3, 1)),
    ] {
        if let Some(f) = std::env::args().nth(2) { if !name.contains(&f) { continue; } }
        let batch = 64;
        let plane: usize = c.output_size().iter().product();
        let x = vec![0.5_f32; batch * c.channels * c.size[0] * c.size[1]];
        let w = vec![0.1_f32; c.filters * c.channels / c.groups * c.kernel[0] * c.kernel[1]];
        let g = vec![0.3_f32; batch * c.filters * plane];
        let flop = 2.0 * (batch * c.multiply_adds()) as f64 / 1e9;
        let f = best(|| drop(c.forward(&x, &w, None)));
        let i = best(|| drop(c.image_gradient(&g, &w)));
        let wg = best(|| drop(c.weight_gradient(&x, &g)));
        println!("{name:<20} fwd {:7.3} ms {:6.1} GF/s   dx {:7.3} ms {:6.1}   dw {:7.3} ms {:6.1}", f*1e3, flop/f, i*1e3, flop/i, wg*1e3, flop/wg);
    }
}
