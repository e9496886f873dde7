//! Does the work of rows on demand, for a comparison that takes turns with other programs: each
//! line of standard input names a row, each line of standard output is the seconds it took.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::time::Instant;

use runner_bench::{Error, Job, ROWS, keep_memory};

fn main() -> Result<(), Error> {
    keep_memory();
    let mut jobs: BTreeMap<String, Job> = BTreeMap::new();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let name = line?;
        if !jobs.contains_key(&name) {
            let row = ROWS.iter().find(|row| row.name == name);
            let mut job = (row.ok_or_else(|| format!("there is no row `{name}`"))?.prepare)()?;
            // Once untimed: memory is touched, and filters are in place.
            job()?;
            jobs.insert(name.clone(), job);
        }
        let Some(job) = jobs.get_mut(&name) else { continue };
        let start = Instant::now();
        job()?;
        writeln!(out, "{}", start.elapsed().as_secs_f64())?;
        out.flush()?;
    }
    Ok(())
}
