use runner_convolution::*;
use std::time::Instant;
fn main() {
    let mut s = 1u64;
    let mut rnd = |n: usize, sc: f32| -> Vec<f32> {
        (0..n)
            .map(|_| {
                s = s.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                ((s >> 40) as f32 / 8388608.0 - 1.0) * sc
            })
            .collect()
    };
    let cfg: [usize; 18] =
        [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0];
    let mut ks = vec![];
    let mut c = 3;
    for o in cfg {
        if o > 0 {
            ks.push((rnd(o * c * 9, (3.0 / (c as f32 * 9.0) * 2.0).sqrt()), vec![0.01f32; o]));
            c = o;
        }
    }
    let mut it = ks.iter();
    let layers: Vec<Layer> = cfg
        .iter()
        .map(|o| {
            if *o == 0 {
                Layer::MaxPool
            } else {
                let (k, b) = it.next().unwrap();
                Layer::Convolution { kernel: k, bias: b, padding: 1 }
            }
        })
        .collect();
    let input = Extent { channels: 3, height: 150, width: 150 };
    let x = rnd(20 * input.len(), 1.0);
    let a = Stack::new(|s| Isa::suited(s, Precision::F32), input, &layers).unwrap();
    let b = Stack::new(|s| Isa::suited(s, Precision::Bf16), input, &layers).unwrap();
    let mut oa = vec![0.0; 20 * a.output().len()];
    let mut ob = oa.clone();
    let (mut ta, mut tb) = (vec![], vec![]);
    for _ in 0..8 {
        let t = Instant::now();
        a.forward(20, &x, &mut oa);
        ta.push(t.elapsed().as_secs_f64());
        let t = Instant::now();
        b.forward(20, &x, &mut ob);
        tb.push(t.elapsed().as_secs_f64());
    }
    let m = oa.iter().fold(0f32, |m, v| m.max(v.abs()));
    let e = oa.iter().zip(&ob).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
    let mn = |t: &Vec<f64>| t.iter().cloned().fold(9.0, f64::min);
    println!(
        "forward f32 {:.4} bf16 {:.4} ratio {:.3} err {}",
        mn(&ta),
        mn(&tb),
        mn(&tb) / mn(&ta),
        e / m
    );
    for (ch, o, side, n) in [(512, 512, 9, 20), (256, 256, 37, 20), (64, 64, 150, 4)] {
        let shape = ConvShape {
            images: n,
            input: Extent { channels: ch, height: side, width: side },
            outputs: o,
            padding: 1,
        };
        let l = Layout::Nchw16c;
        let x = rnd(n * ch * side * side, 1.0);
        let g = rnd(n * o * side * side, 1.0);
        let k = rnd(o * ch * 9, 0.1);
        let mut t = [[9f64; 3]; 2];
        for _ in 0..5 {
            for (i, p) in [Precision::F32, Precision::Bf16].into_iter().enumerate() {
                let c = Convolution { from: l, to: l, ..Convolution::in_precision(shape, p) };
                let mut out = vec![0.0; g.len()];
                let z = Instant::now();
                c.forward(&x, &k, Epilogue::default(), &mut out);
                t[i][0] = t[i][0].min(z.elapsed().as_secs_f64());
                let mut gi = vec![0.0; x.len()];
                let z = Instant::now();
                c.input_gradient(&g, None, &k, &mut gi);
                t[i][1] = t[i][1].min(z.elapsed().as_secs_f64());
                let (mut gk, mut gb) = (vec![0.0; k.len()], vec![0.0; o]);
                let z = Instant::now();
                c.kernel_gradient(&x, &g, None, (&mut gk, &mut gb));
                t[i][2] = t[i][2].min(z.elapsed().as_secs_f64());
            }
        }
        println!(
            "{ch}->{o} {side}: f32 {:?} bf16 {:?}",
            t[0].map(|v| (v * 1e3) as f32),
            t[1].map(|v| (v * 1e3) as f32)
        );
    }
}
