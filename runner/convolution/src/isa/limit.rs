//! The environment variable `RUNNER_ISA`: the highest instruction set to compute with.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::sync::OnceLock;

use super::Isa;

/// The highest instruction set to compute with, for measurements and for results that other
/// processors repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The target's baseline.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 without matrix units and without products of bfloat16.
    Avx512,
}

/// A limit that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitError {
    /// A word that names no instruction set.
    Unknown(String),
    /// This processor lacks it.
    Missing(Limit),
}

impl Limit {
    /// The name of the environment variable.
    pub const VARIABLE: &str = "RUNNER_ISA";

    const ALL: [(&str, Self); 3] =
        [("portable", Self::Portable), ("avx2", Self::Avx2), ("avx512", Self::Avx512)];

    /// What the environment asks for, read once.
    ///
    /// # Errors
    ///
    /// [`LimitError`] where the word is none, or this processor lacks what it names; nothing is limited
    /// then.
    pub fn of_environment() -> Result<Option<Self>, LimitError> {
        static LIMIT: OnceLock<Result<Option<Limit>, LimitError>> = OnceLock::new();
        let read = || match std::env::var(Self::VARIABLE) {
            Ok(word) => Self::parse(&word, &Isa::supported()),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(error) => Err(LimitError::Unknown(error.to_string())),
        };
        LIMIT.get_or_init(read).clone()
    }

    fn parse(word: &str, supported: &[Isa]) -> Result<Option<Self>, LimitError> {
        if word.is_empty() {
            return Ok(None);
        }
        let found = Self::ALL.iter().find(|(name, _)| *name == word);
        let (_, limit) = found.ok_or_else(|| LimitError::Unknown(word.to_owned()))?;
        match supported.contains(&limit.isa()) {
            true => Ok(Some(*limit)),
            false => Err(LimitError::Missing(*limit)),
        }
    }

    pub(super) fn isa(self) -> Isa {
        match self {
            Self::Portable => Isa::Portable,
            Self::Avx2 => Isa::Avx2,
            Self::Avx512 => Isa::Avx512,
        }
    }
}

impl Display for LimitError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let variable = Limit::VARIABLE;
        match self {
            Self::Unknown(word) => write!(
                f,
                "{variable}={word}: there is no such instruction set; it is `portable`, `avx2` or `avx512`"
            ),
            Self::Missing(limit) => {
                let name =
                    Limit::ALL.iter().find(|(_, it)| it == limit).map_or("", |(name, _)| name);
                write!(f, "{variable}={name}: this processor has no such instructions; unset it")
            }
        }
    }
}

impl Error for LimitError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_one_of_three_words_that_the_processor_knows() {
        let old = [Isa::Portable, Isa::Avx2];
        assert_eq!(Limit::parse("avx2", &old), Ok(Some(Limit::Avx2)));
        assert_eq!(Limit::parse("", &old), Ok(None));
        assert_eq!(Limit::parse("avx512", &old), Err(LimitError::Missing(Limit::Avx512)));
        let unknown = Limit::parse("AVX2", &old);
        assert_eq!(unknown, Err(LimitError::Unknown("AVX2".to_owned())));
    }
}
