//! Numbers, durations and sizes as a reader would say them.

use runner_experiment::text::thousands;

/// Four decimals; small numbers have an exponent.
pub(super) fn number(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        small if small.abs() < 1e-3 => format!("{small:.2e}"),
        huge if huge.abs() >= 1e6 => format!("{huge:.2e}"),
        other => format!("{other:.4}"),
    }
}

/// `0.4 s`, `12 s`, `3 min 20 s`, `1 h 02 min`.
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3_600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3_600, whole % 3_600 / 60),
    }
}

/// A whole number with a comma between thousands.
pub(super) fn count(value: i64) -> String {
    let text = thousands(usize::try_from(value.unsigned_abs()).unwrap_or(usize::MAX));
    if value < 0 { format!("-{text}") } else { text }
}

/// Bytes in MiB or GiB.
pub(super) fn bytes(value: i64) -> String {
    let mib = value as f64 / f64::from(1 << 20);
    if mib < 1_024.0 { format!("{mib:.0} MiB") } else { format!("{:.2} GiB", mib / 1_024.0) }
}

/// A probability or a share in per cent; what is not quite 0 or 100 is not shown as that.
pub(super) fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    match percent {
        none if none <= 0.0 => "0%".to_owned(),
        little if little < 0.1 => "< 0.1%".to_owned(),
        all if all >= 100.0 => "100%".to_owned(),
        nearly if nearly > 99.9 => "> 99.9%".to_owned(),
        other => format!("{other:.1}%"),
    }
}

/// The last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!([0.0, 0.9, 1e-5, 3e8].map(number), ["0", "0.9000", "1.00e-5", "3.00e8"]);
        assert_eq!(
            [0.04, 12.4, 200.0, 3_720.0].map(duration),
            ["0.0 s", "12 s", "3 min 20 s", "1 h 02 min"]
        );
        assert_eq!([7, 1_000, -14_714_688].map(count), ["7", "1,000", "-14,714,688"]);
        assert_eq!([1 << 20, 3 << 29].map(bytes), ["1 MiB", "1.50 GiB"]);
        assert_eq!(
            [0.0, 1e-9, 0.5, 0.999_999, 1.0].map(percent),
            ["0%", "< 0.1%", "50.0%", "> 99.9%", "100%"]
        );
    }
}
