//! Numbers as sentences have them.

pub(super) use runner_experiment::text::thousands as count;

/// A rough count, of two digits that count: `about 2,400`.
pub(super) fn about(number: f64) -> String {
    if number > 1e6 {
        return "more than a million".to_owned();
    }
    let unit = 10_f64.powf((number.max(1.0).log10().floor() - 1.0).max(0.0));
    format!("about {}", count(((number / unit).ceil() * unit) as usize))
}

/// A share from 0 to 1 as percentage points: `0.50`.
pub(super) fn points(share: f64) -> String {
    format!("{:.2}", 100.0 * share)
}

/// Few of a thing, many of it: `1 seed`, `5 seeds`.
pub(super) fn of(number: usize, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(["0", "999", "1,000", "1,234,567"], [0, 999, 1000, 1_234_567].map(count));
        assert_eq!(about(7.0), "about 7");
        assert_eq!(about(2341.0), "about 2,400");
        assert_eq!(about(5e6), "more than a million");
        assert_eq!([of(1, "seed"), of(2, "seed")], ["1 seed", "2 seeds"]);
    }
}
