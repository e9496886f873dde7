//! What surrounds a run: the cache folder, the git commit, the memory it took.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the cache is: `RUNNER_CACHE`, else `$XDG_CACHE_HOME/runner`, else `~/.cache/runner`.
pub fn cache() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = set("RUNNER_CACHE") {
        return PathBuf::from(folder);
    }
    let base = set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    base.unwrap_or_else(std::env::temp_dir).join("runner")
}

/// Cached features above this many bytes are pruned after a run: `RUNNER_CACHE_LIMIT`, default
/// 20 GiB.
pub fn cache_limit() -> Result<u64, String> {
    match std::env::var("RUNNER_CACHE_LIMIT") {
        Ok(text) => parse_size(&text).map_err(|error| format!("RUNNER_CACHE_LIMIT: {error}")),
        Err(_) => Ok(20 << 30),
    }
}

/// `500MB`, `20GiB`, `1e9`: a number of bytes.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_alphabetic() && c != 'e').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit.trim().to_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1_048_576.0,
        "g" | "gib" => 1_073_741_824.0,
        "t" | "tib" => 1_099_511_627_776.0,
        _ => return Err(format!("`{text}` is not a size such as 500MB or 20GiB")),
    };
    match number.trim().parse::<f64>() {
        Ok(number) if number >= 0.0 && number.is_finite() => Ok((number * factor) as u64),
        _ => Err(format!("`{text}` is not a size such as 500MB or 20GiB")),
    }
}

/// Bytes for people: `131.1 MB`.
pub fn show_size(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}

/// Commit of the working directory, and whether it has uncommitted changes; nothing outside git.
pub fn git() -> (Option<String>, Option<bool>) {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "HEAD"]);
    let dirty = commit.as_ref().and_then(|_| git(&["status", "--porcelain"]));
    (commit, dirty.map(|changes| !changes.is_empty()))
}

/// Largest resident memory of this process in bytes, where the system says so (Linux).
pub fn peak_rss() -> Option<i64> {
    let status = std::fs::read_to_string(Path::new("/proc/self/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_by_hand() {
        assert_eq!(parse_size("500MB"), Ok(500_000_000));
        assert_eq!(parse_size("2 GiB"), Ok(2_147_483_648));
        assert_eq!(parse_size("0"), Ok(0));
        assert!(parse_size("many").is_err() && parse_size("-1").is_err());
    }
}
