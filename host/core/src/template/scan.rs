//! Finds what an expression refers to, by its tokens. The expression itself is read by minijinja; this only needs to be
//! right for expressions that minijinja accepts.

use std::ops::Range;

/// One use of a variable: `tasks.extract.output.rows` is the path `[tasks, extract, output, rows]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Names from the variable inwards, as far as they are constant.
    pub path: Vec<String>,
    /// True where a computed index or name follows the path.
    pub computed: bool,
    /// The bytes of the string that it stands in.
    pub span: Range<usize>,
}

/// A filter, test or function by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Callee {
    pub(super) kind: CalleeKind,
    pub(super) name: String,
    pub(super) span: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CalleeKind {
    Filter,
    Test,
    Function,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// The expression with each `-` in a task's name after `tasks.` made `_`, so that minijinja reads one name. It is as
    /// long as the expression, so that positions stay.
    pub(super) source: String,
    pub(super) references: Vec<Reference>,
    pub(super) callees: Vec<Callee>,
    /// How many names, strings, numbers and operators it is made of.
    pub(super) tokens: usize,
}

const KEYWORDS: [&str; 13] =
    ["and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None"];

#[derive(Clone, Copy, PartialEq)]
enum Before {
    Dot,
    Pipe,
    Is,
    Other,
}

/// Scans an expression that begins at byte `offset` of its string.
pub(super) fn scan(expression: &str, offset: usize) -> Scan {
    let mut scanner = Scanner { text: expression.as_bytes(), at: 0, source: expression.as_bytes().to_vec() };
    let mut out = Scan::default();
    let mut before = Before::Other;
    while let Some(&c) = scanner.text.get(scanner.at) {
        out.tokens += 1;
        before = match c {
            b' ' | b'\t' | b'\r' | b'\n' => {
                scanner.at += 1;
                out.tokens -= 1;
                continue;
            }
            b'\'' | b'"' => {
                scanner.string();
                Before::Other
            }
            b'0'..=b'9' => {
                scanner.number();
                Before::Other
            }
            b'.' => {
                scanner.at += 1;
                Before::Dot
            }
            b'|' => {
                scanner.at += 1;
                Before::Pipe
            }
            _ if is_start(c) => scanner.word(before, offset, &mut out),
            _ => {
                scanner.at += 1;
                Before::Other
            }
        };
    }
    // Only ASCII bytes were changed into ASCII bytes.
    out.source = String::from_utf8(scanner.source).unwrap_or_else(|_| expression.to_owned());
    out
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    source: Vec<u8>,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|c| c.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn string(&mut self) -> String {
        let quote = self.text[self.at];
        let begin = self.at + 1;
        self.at += 1;
        while let Some(c) = self.peek() {
            if c == quote {
                break;
            }
            self.at += if c == b'\\' { 2 } else { 1 };
        }
        let end = self.at.min(self.text.len());
        self.at = end + 1;
        String::from_utf8_lossy(&self.text[begin.min(end)..end]).into_owned()
    }

    fn number(&mut self) {
        while let Some(c) = self.peek() {
            let fraction = c == b'.' && self.text.get(self.at + 1).is_some_and(u8::is_ascii_digit);
            if !(c.is_ascii_alphanumeric() || c == b'_' || fraction) {
                break;
            }
            self.at += 1;
        }
    }

    fn name(&mut self, also: u8) -> Range<usize> {
        let begin = self.at;
        while self.peek().is_some_and(|c| is_start(c) || c.is_ascii_digit() || c == also) {
            self.at += 1;
        }
        // A label ends in a letter or digit: what follows is an operator.
        while also == b'-' && self.at > begin && self.text[self.at - 1] == b'-' {
            self.at -= 1;
        }
        begin..self.at
    }

    fn text_of(&self, range: Range<usize>) -> String {
        String::from_utf8_lossy(&self.text[range]).into_owned()
    }

    fn word(&mut self, before: Before, offset: usize, out: &mut Scan) -> Before {
        let range = self.name(b'_');
        let name = self.text_of(range.clone());
        let span = offset + range.start..offset + range.end;
        match before {
            Before::Dot => return Before::Other,
            Before::Pipe => {
                out.callees.push(Callee { kind: CalleeKind::Filter, name, span });
                return Before::Other;
            }
            Before::Is if name == "not" => return Before::Is,
            Before::Is => {
                out.callees.push(Callee { kind: CalleeKind::Test, name, span });
                return Before::Other;
            }
            Before::Other => {}
        }
        if name == "is" {
            return Before::Is;
        }
        if KEYWORDS.contains(&name.as_str()) {
            return Before::Other;
        }
        let here = self.at;
        self.blanks();
        let next = (self.peek(), self.text.get(self.at + 1).copied());
        self.at = here;
        if matches!(next, (Some(b'='), after) if after != Some(b'=')) {
            return Before::Other;
        }
        if next.0 == Some(b'(') {
            out.callees.push(Callee { kind: CalleeKind::Function, name, span });
            return Before::Other;
        }
        let (path, computed) = self.path(name);
        out.tokens += path.len();
        out.references.push(Reference { path, computed, span: offset + range.start..offset + self.at });
        Before::Other
    }

    /// What follows a variable's name: `.name`, `["name"]`, `[0]`.
    fn path(&mut self, root: String) -> (Vec<String>, bool) {
        let mut path = vec![root];
        loop {
            let here = self.at;
            self.blanks();
            match self.peek() {
                Some(b'.') => {
                    self.at += 1;
                    self.blanks();
                    let label = path.len() == 1 && path[0] == "tasks";
                    let range = self.name(if label { b'-' } else { b'_' });
                    let end = self.at;
                    self.blanks();
                    let called = self.peek() == Some(b'(');
                    self.at = end;
                    if range.is_empty() || called {
                        self.at = here;
                        return (path, called);
                    }
                    if label {
                        self.source[range.clone()].iter_mut().filter(|c| **c == b'-').for_each(|c| *c = b'_');
                    }
                    path.push(self.text_of(range));
                }
                Some(b'[') => {
                    self.at += 1;
                    self.blanks();
                    let name = match self.peek() {
                        Some(b'\'' | b'"') => self.string(),
                        Some(b'0'..=b'9') => {
                            let begin = self.at;
                            self.number();
                            self.text_of(begin..self.at)
                        }
                        _ => String::new(),
                    };
                    self.blanks();
                    if name.is_empty() || self.peek() != Some(b']') {
                        self.at = here;
                        return (path, true);
                    }
                    self.at += 1;
                    path.push(name);
                }
                _ => {
                    self.at = here;
                    return (path, false);
                }
            }
        }
    }
}

fn is_start(c: u8) -> bool {
    c.is_ascii_alphabetic() || c == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expression: &str, expect: &[&str]) {
        let found: Vec<_> = scan(expression, 0)
            .references
            .iter()
            .map(|r| format!("{}{}", r.path.join("/"), if r.computed { "/*" } else { "" }))
            .collect();
        assert_eq!(found, expect, "{expression}");
    }

    #[test]
    fn finds_variables_with_their_paths() {
        check("item", &["item"]);
        check("tasks.extract.output.rows", &["tasks/extract/output/rows"]);
        check("tasks.my-task.output - index", &["tasks/my-task/output", "index"]);
        check("tasks['my-task'].outputs[0].x", &["tasks/my-task/outputs/0/x"]);
        check("tasks [ params.x ] .output", &["tasks/*", "params/x"]);
        check("params.a-params.b", &["params/a", "params/b"]);
        check("run.id ~ 'item.x' ~ \"it\\\"em\"", &["run/id"]);
        check("item if params.x is not none else index", &["item", "params/x", "index"]);
        check("range(params.n)|join(d=partition.key)", &["params/n", "partition/key"]);
        check("params.name.upper()", &["params/name/*"].map(|_| "params/name/*"));
        check("params.a == params.b", &["params/a", "params/b"]);
        check("{'a': item}.a + 1.5 + [item][0]", &["item", "item"]);
    }

    #[test]
    fn keeps_positions_while_joining_task_names() {
        let scan = scan("tasks.a-b.output ~ '-' ~ x-y", 3);
        assert_eq!(scan.source, "tasks.a_b.output ~ '-' ~ x-y");
        assert_eq!(scan.references[0].span, 3..19);
    }

    #[test]
    fn finds_what_is_called() {
        let names: Vec<_> =
            scan("range(3) | map('upper') | join is string", 0).callees.into_iter().map(|c| (c.kind, c.name)).collect();
        assert_eq!(
            names,
            [
                (CalleeKind::Function, "range".to_owned()),
                (CalleeKind::Filter, "map".to_owned()),
                (CalleeKind::Filter, "join".to_owned()),
                (CalleeKind::Test, "string".to_owned()),
            ]
        );
    }

    #[test]
    fn never_runs_past_the_end() {
        for text in ["'", "\"\\", "tasks.", "tasks['", "a.b[", "x.y(", "is", "|", "tasks.a--", "tasks.-"] {
            scan(text, 0);
        }
    }
}
