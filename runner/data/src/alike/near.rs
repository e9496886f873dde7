//! Hashes within a distance of each other: multi-index hashing (Norouzi, Punjani & Fleet 2012).
//!
//! A hash of 64 bits has four chunks of 16. Two hashes that differ in at most r bits differ in at most
//! r / 4 bits of one of the chunks, so that only those are compared which have such a chunk in common.

/// Chunks of a hash.
const CHUNKS: u32 = 4;

/// Bits of a chunk.
const BITS: u32 = 64 / CHUNKS;

/// Calls `found` with every pair of places whose hashes differ in at most `distance` bits, once.
pub(super) fn each(hashes: &[u64], distance: u32, found: &mut dyn FnMut(usize, usize)) {
    let indices: Vec<Index> = (0..CHUNKS).map(|chunk| Index::of(hashes, chunk)).collect();
    let masks = masks(distance / CHUNKS);
    let mut met = vec![usize::MAX; hashes.len()];
    for (place, hash) in hashes.iter().enumerate() {
        for (chunk, index) in (0..CHUNKS).zip(&indices) {
            let own = chunk_of(*hash, chunk);
            for other in masks.iter().flat_map(|mask| index.at(own ^ mask)) {
                let other = *other as usize;
                // Each pair once: from its first place, and by the first chunk that they share.
                if other <= place || std::mem::replace(&mut met[other], place) == place {
                    continue;
                }
                if (hash ^ hashes[other]).count_ones() <= distance {
                    found(place, other);
                }
            }
        }
    }
}

fn chunk_of(hash: u64, chunk: u32) -> u16 {
    (hash >> (chunk * BITS)) as u16
}

/// Every way to change at most so many bits of a chunk.
fn masks(most: u32) -> Vec<u16> {
    (0..=u16::MAX).filter(|mask| mask.count_ones() <= most).collect()
}

/// Places by one chunk of their hashes.
struct Index {
    /// Where the places of each value start.
    starts: Vec<u32>,
    places: Vec<u32>,
}

impl Index {
    fn of(hashes: &[u64], chunk: u32) -> Self {
        let mut starts = vec![0_u32; (1 << BITS) + 1];
        for hash in hashes {
            starts[usize::from(chunk_of(*hash, chunk)) + 1] += 1;
        }
        for value in 1..starts.len() {
            starts[value] += starts[value - 1];
        }
        let mut next = starts.clone();
        let mut places = vec![0; hashes.len()];
        for (place, hash) in (0_u32..).zip(hashes) {
            let slot = &mut next[usize::from(chunk_of(*hash, chunk))];
            places[*slot as usize] = place;
            *slot += 1;
        }
        Self { starts, places }
    }

    /// The places whose chunk has this value.
    fn at(&self, value: u16) -> &[u32] {
        let value = usize::from(value);
        &self.places[self.starts[value] as usize..self.starts[value + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use runner_random::{Key, Purpose};

    use super::*;

    #[test]
    fn the_pairs_are_those_that_comparing_all_with_all_finds() {
        let mut stream = Key::new(5, Purpose::Generate).stream();
        let mut hashes: Vec<u64> = (0..400).map(|_| stream.below(u64::MAX)).collect();
        for place in 0..400 {
            let mut near = hashes[place];
            for _ in 0..stream.below(18) {
                near ^= 1 << stream.below(64);
            }
            hashes.push(near);
        }
        for distance in [0, 3, 4, 7, 10, 16] {
            let mut found = Vec::new();
            each(&hashes, distance, &mut |a, b| found.push((a, b)));
            found.sort_unstable();
            let mut expected = Vec::new();
            for a in 0..hashes.len() {
                for b in a + 1..hashes.len() {
                    if (hashes[a] ^ hashes[b]).count_ones() <= distance {
                        expected.push((a, b));
                    }
                }
            }
            assert_eq!(found, expected, "{distance}");
            assert!(distance < 3 || expected.len() > 40);
        }
    }
}
