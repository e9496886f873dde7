//! Every row with Criterion, which compares with the run before: `just bench`.

use criterion::{Criterion, Throughput};
use runner_bench::{ROWS, keep_memory};

fn main() {
    keep_memory();
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    for row in ROWS {
        let mut job = match (row.prepare)() {
            Ok(job) => job,
            Err(error) => panic!("{}: {error}", row.name),
        };
        let mut group = criterion.benchmark_group("rows");
        group.throughput(Throughput::Elements(row.images as u64));
        group.bench_function(row.name, |bencher| {
            bencher.iter(|| {
                if let Err(error) = job() {
                    panic!("{}: {error}", row.name);
                }
            });
        });
        group.finish();
    }
    criterion.final_summary();
}
