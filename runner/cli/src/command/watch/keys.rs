//! Keys, from the bytes that a terminal sends for them.

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// Select a run further up or down, by this many.
    Move(isize),
    /// Select the first run.
    First,
    /// Select the last run.
    Last,
    /// Loss or accuracy.
    Switch,
    /// Show the keys, or hide them.
    Help,
    /// Leave the board.
    Leave,
}

/// Runs that a page has.
const PAGE: isize = 10;

const ESCAPE: u8 = 0x1b;

/// Every key in the bytes, and how many bytes these were: the start of a sequence remains.
pub(super) fn parse(bytes: &[u8]) -> (Vec<Key>, usize) {
    let (mut keys, mut read) = (Vec::new(), 0);
    while let Some((key, length)) = first(&bytes[read..]) {
        keys.extend(key);
        read += length;
    }
    (keys, read)
}

/// The first key and its length; `None` where nothing is left or a sequence is not complete.
fn first(bytes: &[u8]) -> Option<(Option<Key>, usize)> {
    let key = match *bytes.first()? {
        ESCAPE => return sequence(bytes),
        b'j' => Key::Move(1),
        b'k' => Key::Move(-1),
        b'g' => Key::First,
        b'G' => Key::Last,
        b'\t' => Key::Switch,
        b'?' | b'h' => Key::Help,
        // Ctrl-C, which is a byte like any other on a raw terminal.
        b'q' | 0x03 => Key::Leave,
        _ => return Some((None, 1)),
    };
    Some((Some(key), 1))
}

/// `ESC [ … letter`, `ESC O letter`, or a letter with Alt held.
fn sequence(bytes: &[u8]) -> Option<(Option<Key>, usize)> {
    match *bytes.get(1)? {
        b'[' | b'O' => {
            let end = bytes[2..].iter().position(|byte| (0x40..0x7f).contains(byte))? + 2;
            let key = match &bytes[2..=end] {
                b"A" => Some(Key::Move(-1)),
                b"B" => Some(Key::Move(1)),
                b"5~" => Some(Key::Move(-PAGE)),
                b"6~" => Some(Key::Move(PAGE)),
                b"H" | b"1~" => Some(Key::First),
                b"F" | b"4~" => Some(Key::Last),
                b"Z" => Some(Key::Switch),
                _ => None,
            };
            Some((key, end + 1))
        }
        _ => Some((None, 2)),
    }
}

/// What the start of a sequence means of which nothing more comes: the key Escape, alone.
pub(super) fn alone(bytes: &[u8]) -> Option<Key> {
    (bytes == [ESCAPE]).then_some(Key::Leave)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart_however_they_arrive() {
        let (keys, read) = parse(b"j\x1b[A\x1bOB\x1b[6~x\x1b[200~\tq");
        let expected = [Key::Move(1), Key::Move(-1), Key::Move(1), Key::Move(10)];
        assert_eq!(keys[..4], expected);
        assert_eq!((&keys[4..], read), (&[Key::Switch, Key::Leave][..], 20));
        assert_eq!(parse(b"k\x1b["), (vec![Key::Move(-1)], 1));
        assert_eq!(parse(b"\x1b"), (vec![], 0));
        assert_eq!((alone(b"\x1b"), alone(b"\x1b["), alone(b"")), (Some(Key::Leave), None, None));
        assert_eq!(parse(b"\x1bq\x03"), (vec![Key::Leave], 3));
    }
}
