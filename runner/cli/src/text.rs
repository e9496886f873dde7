//! Numbers and times for people.

pub use runner_experiment::text::thousands;

/// `4.1 s`, `3 min 12 s`, `2 h 05 min`
pub fn duration(seconds: f64) -> String {
    let whole = seconds as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_two_units_at_most() {
        let shown = [4.06, 192.0, 7_500.0].map(duration);
        assert_eq!(shown, ["4.1 s", "3 min 12 s", "2 h 05 min"]);
    }
}
