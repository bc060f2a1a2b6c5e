use super::fault::{Excerpt, Fault, Severity};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Element, Level, Origin, Renderer, Snippet};

/// Shows faults to a person, each with its line of the source.
#[must_use]
pub fn render(faults: &[Fault], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() }.decor_style(DecorStyle::Ascii);
    let mut out = String::new();
    for fault in faults {
        let level = match fault.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = level.primary_title(clean(&fault.message)).id(fault.code.as_str()).element(place(fault));
        if let Some(hint) = &fault.hint {
            group = group.element(Level::HELP.message(clean(hint)));
        }
        out.push_str(&renderer.render(&[group]));
        out.push_str("\n\n");
    }
    out
}

fn place(fault: &Fault) -> Element<'_> {
    match &fault.excerpt {
        // A fault may come from outside: a span that is none is not shown.
        Some(Excerpt { text, start, end }) if !text.trim().is_empty() && text.get(*start..*end).is_some() => {
            Snippet::source(text.as_str())
                .line_start(fault.line as usize)
                .path(fault.file.as_str())
                .annotation(AnnotationKind::Primary.span(*start..*end))
                .into()
        }
        _ => Origin::path(fault.file.as_str()).line(fault.line as usize).char_column(fault.column as usize).into(),
    }
}

/// Without what could steer a terminal.
fn clean(text: &str) -> String {
    annotate_snippets::normalize_untrusted_str(text)
}
