//! The words of a filter.

use std::cmp::Ordering;

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// Longer ones first, so that `<=` is not taken for `<`.
    const ALL: [(&str, Self); 6] = [
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
        ("<=", Self::LessOrEqual),
        (">=", Self::GreaterOrEqual),
        ("<", Self::Less),
        (">", Self::Greater),
    ];

    pub(super) fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual)
    }

    /// The same with the two sides exchanged.
    pub(super) fn turned(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }

    /// Whether it is true of two values in this order.
    pub(super) fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// A word of the filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Word(String),
    Quoted(String),
    Operator(Operator),
    /// One of `( ) [ ] ,`.
    Mark(char),
    End,
}

/// A word and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Characters before it.
    pub(super) place: usize,
}

/// Why a filter cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) place: usize,
    pub(super) message: String,
}

pub(super) fn fault<T>(place: usize, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { place, message: message.into() })
}

/// The words in their order, with [`Kind::End`] behind them.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut place = 0;
    while let Some(first) = characters.get(place) {
        if first.is_whitespace() {
            place += 1;
            continue;
        }
        let (kind, length) = token(&characters[place..], place)?;
        tokens.push(Token { kind, place });
        place += length;
    }
    tokens.push(Token { kind: Kind::End, place });
    Ok(tokens)
}

/// The word in front, and how many characters it takes.
fn token(rest: &[char], place: usize) -> Result<(Kind, usize), Fault> {
    let first = rest[0];
    let starts = |word: &str| word.chars().zip(rest).filter(|(a, b)| a == *b).count() == word.len();
    if let Some((word, operator)) = Operator::ALL.into_iter().find(|(word, _)| starts(word)) {
        return Ok((Kind::Operator(operator), word.len()));
    }
    match first {
        '(' | ')' | '[' | ']' | ',' => Ok((Kind::Mark(first), 1)),
        '"' | '\'' => match rest[1..].iter().position(|c| *c == first) {
            Some(length) => Ok((Kind::Quoted(rest[1..=length].iter().collect()), length + 2)),
            None => fault(place, "this quotation mark has no partner"),
        },
        '=' => fault(place, "two values are compared with `==`"),
        '&' => fault(place, "two conditions are joined with `and`"),
        '|' => fault(place, "two conditions are joined with `or`"),
        '!' => fault(place, "a condition is turned round with `not`"),
        _ => {
            let word: String = rest.iter().take_while(|c| is_word(**c)).collect();
            let length = word.chars().count();
            if length == 0 {
                fault(place, "this means nothing here")
            } else {
                Ok((Kind::Word(word), length))
            }
        }
    }
}

fn is_word(c: char) -> bool {
    !c.is_whitespace() && !"()[],\"'=<>!&|".contains(c)
}
