//! Cuts a string into what stands as it is and what stands in `{{ }}`.

use super::error::TemplateError;
use std::ops::Range;

/// A part of a string.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Stands as it is.
    Literal(&'a str),
    /// The bytes between `{{` and `}}`.
    Expression(Range<usize>),
}

/// Cuts `text`.
///
/// # Errors
/// A `{{` without its `}}`, an empty one, or a statement (`{% %}`), which this language has not.
pub(super) fn split(text: &str) -> Result<Vec<Part<'_>>, TemplateError> {
    let mut parts = Vec::new();
    let mut from = 0;
    loop {
        let rest = &text[from..];
        let open = rest.find("{{");
        if let Some(statement) = rest.find("{%").filter(|s| open.is_none_or(|o| *s < o)) {
            let at = from + statement;
            return Err(TemplateError::new("a statement `{% ... %}` stands where only expressions can")
                .at(at..at + 2)
                .hint("write a choice as `{{ a if condition else b }}`, the characters themselves as `{{ '{%' }}`"));
        }
        let Some(open) = open else {
            if !rest.is_empty() {
                parts.push(Part::Literal(rest));
            }
            return Ok(parts);
        };
        if open > 0 {
            parts.push(Part::Literal(&rest[..open]));
        }
        let begin = from + open + 2;
        let Some(end) = end_of(text, begin) else {
            return Err(TemplateError::new("`{{` without its `}}`")
                .at(begin - 2..text.len())
                .hint("close it, or write the characters themselves as `{{ '{{' }}`"));
        };
        if text[begin..end].trim().is_empty() {
            return Err(TemplateError::new("an empty `{{ }}`").at(begin - 2..end + 2));
        }
        parts.push(Part::Expression(begin..end));
        from = end + 2;
    }
}

/// Where the `}}` is that belongs to what begins at `begin`: outside of strings and brackets.
fn end_of(text: &str, begin: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0_u32;
    let mut at = begin;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'\'' | b'"') => {
                at += 1;
                while at < bytes.len() && bytes[at] != quote {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
            }
            b'(' | b'[' | b'{' => depth += 1,
            b'}' if depth == 0 && bytes.get(at + 1) == Some(&b'}') => return Some(at),
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let shown = match split(text) {
            Ok(parts) => parts
                .iter()
                .map(|p| match p {
                    Part::Literal(l) => format!("L<{l}>"),
                    Part::Expression(r) => format!("E<{}>", &text[r.clone()]),
                })
                .collect(),
            Err(e) => format!("{} at {:?}", e.message, e.span),
        };
        assert_eq!(shown, expect, "{text}");
    }

    #[test]
    fn cuts_at_the_braces_that_belong_together() {
        check("", "");
        check("plain", "L<plain>");
        check("{{ a }}", "E< a >");
        check("é{{ a }}-{{b}}.", "L<é>E< a >L<->E<b>L<.>");
        check("{{ '}}' }}", "E< '}}' >");
        check(r#"{{ "\"}}" }}"#, r#"E< "\"}}" >"#);
        check("{{ {'a': {'b': 1}} }}", "E< {'a': {'b': 1}} >");
        check("{{ {'a':{}}}}", "E< {'a':{}}>");
        check("} }} {", "L<} }} {>");
    }

    #[test]
    fn says_where_it_cannot() {
        check("a {{ b", "`{{` without its `}}` at Some(2..6)");
        check("{{ 'b }}", "`{{` without its `}}` at Some(0..8)");
        check("x {% if a %}", "a statement `{% ... %}` stands where only expressions can at Some(2..4)");
        check("{{  }}", "an empty `{{ }}` at Some(0..6)");
    }
}
