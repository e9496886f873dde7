//! From words to conditions. `not` binds closest, then `and`, then `or`.

use super::expression::{Expression, Value};
use super::tokens::{Fault, Kind, Operator, Token, fault, tokens};

/// More parentheses and `not`s in each other than this are a mistake.
const DEEPEST: usize = 100;

/// Finds a column by its name, or says why there is none.
type Find<'a> = &'a dyn Fn(&str) -> Result<usize, String>;

/// # Errors
///
/// The place at fault, and what is wrong there.
pub(super) fn parse(text: &str, find: Find<'_>) -> Result<Expression, Fault> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0, find };
    let expression = parser.any()?;
    let rest = parser.look().clone();
    match rest.kind {
        Kind::End => Ok(expression),
        Kind::Mark(')') => fault(rest.place, "this parenthesis was never opened"),
        _ => fault(rest.place, "`and`, `or` or the end was expected here"),
    }
}

struct Parser<'a> {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    find: Find<'a>,
}

impl Parser<'_> {
    /// The next word; the last one is [`Kind::End`] and stays.
    fn look(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn take(&mut self) -> Token {
        let token = self.look().clone();
        self.next += 1;
        token
    }

    /// Takes the next word where it is this one.
    fn take_word(&mut self, word: &str) -> bool {
        let is = matches!(&self.look().kind, Kind::Word(found) if found.eq_ignore_ascii_case(word));
        self.next += usize::from(is);
        is
    }

    fn take_mark(&mut self, mark: char) -> bool {
        let is = self.look().kind == Kind::Mark(mark);
        self.next += usize::from(is);
        is
    }

    fn any(&mut self) -> Result<Expression, Fault> {
        let mut conditions = vec![self.all()?];
        while self.take_word("or") {
            conditions.push(self.all()?);
        }
        Ok(Expression::Any(conditions))
    }

    fn all(&mut self) -> Result<Expression, Fault> {
        let mut conditions = vec![self.one()?];
        while self.take_word("and") {
            conditions.push(self.one()?);
        }
        Ok(Expression::All(conditions))
    }

    fn one(&mut self) -> Result<Expression, Fault> {
        let place = self.look().place;
        self.depth += 1;
        if self.depth > DEEPEST {
            return fault(place, "too many parentheses in each other");
        }
        let expression = if self.take_word("not") {
            Expression::Not(Box::new(self.one()?))
        } else if self.take_mark('(') {
            let inner = self.any()?;
            if !self.take_mark(')') {
                return fault(self.look().place, "a closing parenthesis was expected here");
            }
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    /// `column == value`, `value < column` or `column in [value, value]`.
    fn comparison(&mut self) -> Result<Expression, Fault> {
        let left = self.take();
        let first = match &left.kind {
            Kind::Word(word) if word.parse::<f64>().is_err() => Some(word.clone()),
            Kind::Word(_) | Kind::Quoted(_) => None,
            _ => return fault(left.place, "the name of a column was expected here"),
        };
        let operator = self.take();
        match (first, operator.kind) {
            (Some(name), Kind::Operator(operator)) => {
                let column = self.column(&name, left.place)?;
                Ok(Expression::Compare(column, operator, self.value()?))
            }
            (Some(name), Kind::Word(word)) if word.eq_ignore_ascii_case("in") => {
                let column = self.column(&name, left.place)?;
                Ok(Expression::In(column, self.list()?))
            }
            (None, Kind::Operator(operator)) => self.turned(left, operator),
            (Some(name), _) => {
                self.column(&name, left.place)?;
                fault(operator.place, "one of == != < <= > >= in was expected here")
            }
            (None, _) => fault(left.place, "the name of a column was expected here"),
        }
    }

    /// The value was in front.
    fn turned(&mut self, value: Token, operator: Operator) -> Result<Expression, Fault> {
        let right = self.take();
        match (&right.kind, as_value(&value.kind)) {
            (Kind::Word(name), Some(value)) => {
                let column = self.column(name, right.place)?;
                Ok(Expression::Compare(column, operator.turned(), value))
            }
            _ => fault(right.place, "the name of a column was expected here"),
        }
    }

    fn column(&self, name: &str, place: usize) -> Result<usize, Fault> {
        (self.find)(name).map_err(|message| Fault { place, message })
    }

    fn value(&mut self) -> Result<Value, Fault> {
        let token = self.take();
        match as_value(&token.kind) {
            Some(value) => Ok(value),
            None => fault(token.place, "a number or text was expected here"),
        }
    }

    fn list(&mut self) -> Result<Vec<Value>, Fault> {
        if !self.take_mark('[') {
            return fault(self.look().place, "a list was expected here, such as [1, 2]");
        }
        let mut values = vec![self.value()?];
        while self.take_mark(',') {
            values.push(self.value()?);
        }
        match self.take_mark(']') {
            true => Ok(values),
            false => fault(self.look().place, "a comma or `]` was expected here"),
        }
    }
}

fn as_value(kind: &Kind) -> Option<Value> {
    match kind {
        Kind::Word(text) => Some(Value { text: text.clone(), number: text.parse().ok() }),
        Kind::Quoted(text) => Some(Value { text: text.clone(), number: None }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Cell;

    const COLUMNS: [&str; 5] = ["accuracy", "seed", "status", "tags", "missing"];

    fn find(name: &str) -> Result<usize, String> {
        let found = COLUMNS.iter().position(|column| *column == name);
        found.ok_or_else(|| format!("there is no column `{name}`"))
    }

    fn cell(column: usize) -> Cell {
        let text = |text: &str| Cell::Text(text.to_owned());
        match column {
            0 => Cell::Float(0.9),
            1 => text("1e1"),
            2 => text("finished"),
            3 => Cell::List(vec![text("book"), text("5.3")]),
            _ => Cell::Null,
        }
    }

    #[test]
    fn conditions_are_true_or_false() {
        for (text, expected) in [
            ("accuracy > 0.8", true),
            ("accuracy >= 0.9 and seed == 10", true),
            ("0.95 < accuracy", false),
            ("accuracy > 0.95 or seed <= 10 and status == finished", true),
            ("(accuracy > 0.95 or seed <= 10) and status == failed", false),
            ("not status == 'finished'", false),
            ("NOT accuracy<0.5 AND status!=\"failed\"", true),
            ("seed in [1, 10]", true),
            ("status in [failed, interrupted]", false),
            ("tags == book", true),
            ("tags == 5.3", true),
            ("tags != paper and not tags == paper", true),
            ("tags != book", false),
            ("missing == 1 or missing != 1 or missing < 1", false),
            ("not missing == 1", true),
            // A word is neither smaller nor larger than a number.
            ("status > 5 or status <= 5", false),
            ("status != 5", true),
        ] {
            let parsed = parse(text, &find).map(|expression| expression.is_true(&cell));
            assert_eq!(parsed, Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_fault_has_a_place() {
        for (text, place) in [
            ("", 0),
            ("acuracy > 1", 0),
            ("accuracy > ", 11),
            ("accuracy = 1", 9),
            ("accuracy", 8),
            ("accuracy > 1 seed", 13),
            ("seed == 1 && accuracy > 1", 10),
            ("(seed == 1", 10),
            ("seed == 1)", 9),
            ("seed in 1", 8),
            ("seed in [1 2]", 11),
            ("status == 'a", 10),
            ("1 == 2", 5),
            ("ü == 1", 0),
        ] {
            let place_of = parse(text, &find).map_err(|fault| fault.place);
            assert_eq!(place_of, Err(place), "{text}");
        }
        let deep = "(".repeat(100_000);
        assert!(parse(&deep, &find).is_err());
    }
}
