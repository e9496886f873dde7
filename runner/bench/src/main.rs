//! Does the work of rows on demand, for a comparison that takes turns with other programs: each
//! line of standard input names a row, each line of standard output is the seconds it took. With
//! `--device NAME --precision WORD` the rows are those of a GPU.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::time::Instant;

use runner_bench::{Error, Job, ROWS, forward, gpu, keep_memory};
use runner_network::Compute;

fn main() -> Result<(), Error> {
    keep_memory();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let compute = match words[..] {
        [] => None,
        ["--device", device, "--precision", precision] => Some(gpu::device(device, precision)?),
        _ => return Err("runner-bench [--device NAME --precision WORD]".into()),
    };
    let mut jobs: BTreeMap<String, (Job, usize)> = BTreeMap::new();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let name = line?;
        if !jobs.contains_key(&name) {
            let (mut job, pieces) = prepare(&name, compute.as_ref())?;
            // Once untimed: memory is touched, and filters are in place.
            job()?;
            jobs.insert(name.clone(), (job, pieces));
        }
        let Some((job, pieces)) = jobs.get_mut(&name) else { continue };
        let start = Instant::now();
        job()?;
        writeln!(out, "{}", start.elapsed().as_secs_f64() / *pieces as f64)?;
        out.flush()?;
    }
    Ok(())
}

/// The work of a row, and how many pieces it does at a time.
fn prepare(name: &str, compute: Option<&Compute>) -> Result<(Job, usize), Error> {
    if let Some(compute) = compute {
        return gpu::prepare(name, compute);
    }
    let row = ROWS.iter().find(|row| row.name == name);
    let job = match (row, name.strip_suffix("_forward")) {
        (Some(row), _) => (row.prepare)()?,
        // Any other backbone.
        (None, Some(backbone)) => forward(backbone)?,
        (None, None) => return Err(format!("there is no row `{name}`").into()),
    };
    Ok((job, 1))
}
