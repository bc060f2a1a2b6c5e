use std::fmt::Write;

/// An SVG text under construction. Numbers have one decimal, so that the same drawing is the same bytes anywhere.
#[derive(Debug)]
pub(crate) struct Svg(String);

/// Where a text hangs on its point.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    pub(crate) fn new(width: f64, height: f64, title: &str, description: &str, style: &str) -> Svg {
        let mut svg = Svg(String::with_capacity(32 << 10));
        svg.line(format_args!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-labelledby="title description">"#
        ));
        svg.line(format_args!(r#"<title id="title">{}</title>"#, escape(title)));
        svg.line(format_args!(r#"<desc id="description">{}</desc>"#, escape(description)));
        svg.line(format_args!("<style>{style}</style>"));
        svg
    }

    pub(crate) fn rect(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64, hint: Option<&str>) {
        let shape = format!(r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}""#);
        match hint {
            Some(hint) => self.line(format_args!("{shape}><title>{}</title></rect>", escape(hint))),
            None => self.line(format_args!("{shape}/>")),
        }
    }

    pub(crate) fn stroke(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        self.line(format_args!(
            r#"<line class="{class}" x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}"/>"#,
            from.0, from.1, to.0, to.1
        ));
    }

    pub(crate) fn text(&mut self, class: &str, x: f64, y: f64, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        self.line(format_args!(r#"<text class="{class}" x="{x:.1}" y="{y:.1}"{anchor}>{}</text>"#, escape(text)));
    }

    /// A text that runs upwards.
    pub(crate) fn upright(&mut self, class: &str, x: f64, y: f64, text: &str) {
        self.line(format_args!(
            r#"<text class="{class}" transform="translate({x:.1} {y:.1}) rotate(-90)" text-anchor="middle">{}</text>"#,
            escape(text)
        ));
    }

    pub(crate) fn finish(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.0.write_fmt(text);
        self.0.push('\n');
    }
}

/// Control characters are not allowed in XML at all.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_place() {
        assert_eq!(escape("a<script> & \"b\"\u{0}\n"), "a&lt;script&gt; &amp; &quot;b&quot;  ");
    }
}
