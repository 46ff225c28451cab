//! `$((...))` and `((...))`: integers, comparison, logic. Assignments inside are not followed.

/// The value, if every name in it has one.
pub(crate) fn evaluate(text: &str, lookup: &dyn Fn(&str) -> Option<i64>) -> Option<i64> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, lookup, depth: 0 };
    let value = parser.binary(0)?;
    (parser.at == tokens.len()).then_some(value)
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(i64),
    Name(String),
    Operator(&'static str),
}

/// Longest first.
const OPERATORS: [&str; 17] =
    ["<=", ">=", "==", "!=", "&&", "||", "<", ">", "+", "-", "*", "/", "%", "!", "(", ")", ","];

/// Binary operators by how loosely they bind, loosest first.
const LEVELS: [&[&str]; 6] =
    [&["||"], &["&&"], &["==", "!="], &["<", ">", "<=", ">="], &["+", "-"], &["*", "/", "%"]];

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |keep: fn(char) -> bool| rest.find(|c| !keep(c)).unwrap_or(rest.len());
        let used = if first.is_ascii_digit() {
            let end = word(|c| c.is_ascii_alphanumeric());
            tokens.push(Token::Number(rest[..end].parse().ok()?));
            end
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = word(|c| c.is_ascii_alphanumeric() || c == '_');
            tokens.push(Token::Name(rest[..end].to_owned()));
            end
        } else {
            let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator))?;
            tokens.push(Token::Operator(operator));
            operator.len()
        };
        rest = rest[used..].trim_start();
    }
    Some(tokens)
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    lookup: &'a dyn Fn(&str) -> Option<i64>,
    depth: usize,
}

impl Parser<'_> {
    fn binary(&mut self, level: usize) -> Option<i64> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some(Token::Operator(operator)) = self.tokens.get(self.at) {
            if !operators.contains(operator) {
                break;
            }
            self.at += 1;
            let right = self.binary(level + 1)?;
            left = match *operator {
                "||" => i64::from(left != 0 || right != 0),
                "&&" => i64::from(left != 0 && right != 0),
                "==" => i64::from(left == right),
                "!=" => i64::from(left != right),
                "<" => i64::from(left < right),
                ">" => i64::from(left > right),
                "<=" => i64::from(left <= right),
                ">=" => i64::from(left >= right),
                "+" => left.checked_add(right)?,
                "-" => left.checked_sub(right)?,
                "*" => left.checked_mul(right)?,
                "/" => left.checked_div(right)?,
                _ => left.checked_rem(right)?,
            };
        }
        Some(left)
    }

    fn unary(&mut self) -> Option<i64> {
        self.depth += 1;
        if self.depth > 100 {
            return None;
        }
        let token = self.tokens.get(self.at)?.clone();
        self.at += 1;
        let value = match token {
            Token::Number(number) => Some(number),
            Token::Name(name) => (self.lookup)(&name),
            Token::Operator("!") => self.unary().map(|value| i64::from(value == 0)),
            Token::Operator("-") => self.unary().and_then(i64::checked_neg),
            Token::Operator("+") => self.unary(),
            Token::Operator("(") => {
                let value = self.binary(0);
                let closed = self.tokens.get(self.at) == Some(&Token::Operator(")"));
                self.at += 1;
                value.filter(|_| closed)
            }
            Token::Operator(_) => None,
        };
        self.depth -= 1;
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_worked_out() {
        let lookup = |name: &str| (name == "x").then_some(4);
        for (text, expected) in [
            ("1 + 2 * 3", Some(7)),
            ("(1 + 2) * 3", Some(9)),
            ("x == 4 && !0", Some(1)),
            ("y", None),
            ("1 / 0", None),
            ("-3 < 2", Some(1)),
            ("1 +", None),
            ("i++", None),
        ] {
            assert_eq!(evaluate(text, &lookup), expected, "{text}");
        }
    }
}
