//! Work on many threads, results in order: decoding runs ahead of whoever uses the images.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// How many results each worker may be ahead.
pub const AHEAD: usize = 16;

/// Calls `work` on every item, on as many threads as there are cores, and `consume` on every
/// result in the order of the items, on the calling thread.
///
/// Worker `w` of `n` takes items `w`, `w + n`, …, each through a bounded channel of its own, so
/// that memory stays bounded and the order needs no sorting.
///
/// # Errors
///
/// The first error of `consume`; the workers stop soon after it.
pub fn in_order<T, R, E>(
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    consume: impl FnMut(usize, R) -> Result<(), E>,
) -> Result<(), E>
where
    T: Sync,
    R: Send,
{
    in_order_ahead(items, AHEAD, work, consume)
}

/// The same where each worker may be so many results ahead.
///
/// # Errors
///
/// As [`in_order`].
pub fn in_order_ahead<T, R, E>(
    items: &[T],
    ahead: usize,
    work: impl Fn(&T) -> R + Sync,
    mut consume: impl FnMut(usize, R) -> Result<(), E>,
) -> Result<(), E>
where
    T: Sync,
    R: Send,
{
    let workers = workers(items.len());
    thread::scope(|scope| {
        let receivers: Vec<Receiver<R>> = (0..workers)
            .map(|worker| {
                let (sender, receiver) = sync_channel(ahead);
                let work = &work;
                scope.spawn(move || {
                    for item in items.iter().skip(worker).step_by(workers) {
                        if sender.send(work(item)).is_err() {
                            return;
                        }
                    }
                });
                receiver
            })
            .collect();
        for index in 0..items.len() {
            match receivers[index % workers].recv() {
                Ok(result) => consume(index, result)?,
                // A worker ends early only by panicking, and the scope passes that panic on.
                Err(_) => break,
            }
        }
        Ok(())
    })
}

/// How many workers there are for so many items.
#[must_use]
pub fn workers(items: usize) -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(items.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_an_error_ends_it() {
        let items: Vec<usize> = (0..500).collect();
        let mut seen = Vec::new();
        let done: Result<(), ()> = in_order(
            &items,
            |n| n * 2,
            |index, twice| {
                seen.push((index, twice));
                Ok(())
            },
        );
        assert!(done.is_ok());
        assert!(seen.iter().enumerate().all(|(index, pair)| *pair == (index, index * 2)));
        let stopped =
            in_order(&items, |n| *n, |index, _| if index == 3 { Err(index) } else { Ok(()) });
        assert_eq!(stopped, Err(3));
    }
}
