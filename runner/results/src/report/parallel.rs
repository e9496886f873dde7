//! Work on several items at once, for pictures.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Applies `work` to every item on all cores; results are in the order of the items. One whose work
/// panicked has none.
pub(super) fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<Option<R>> {
    let results: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let worker = || {
        while let Some(index) =
            Some(next.fetch_add(1, Ordering::Relaxed)).filter(|i| *i < items.len())
        {
            let attempt = std::panic::AssertUnwindSafe(|| work(&items[index]));
            let done = std::panic::catch_unwind(attempt).ok();
            if let Ok(mut result) = results[index].lock() {
                *result = done;
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(items.len());
    std::thread::scope(|scope| {
        for _ in 1..cores {
            scope.spawn(worker);
        }
        worker();
    });
    results.into_iter().map(|result| result.into_inner().ok().flatten()).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_are_in_order_and_a_panic_costs_only_its_own() {
        let halved = super::map(&[2, 3, 4], |number| {
            assert!(number % 2 == 0, "odd");
            number / 2
        });
        assert_eq!(halved, [Some(1), None, Some(2)]);
    }
}
