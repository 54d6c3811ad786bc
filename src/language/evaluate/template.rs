//! Strings with interpolations and directives.

use hcl_edit::expr::Expression;
use hcl_edit::template::{Directive, Element, ForDirective, IfDirective, StringTemplate, Strip, Template};
use pikoci_model::text::Text;

use super::Evaluator;
use crate::value::Value;

/// How far a `~` takes blanks away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trim {
    /// In a quoted string: all blanks.
    All,
    /// In a heredoc: to the end of the line.
    Line,
}

/// Where a template is in its surroundings: which of its ends a neighbour's `~` takes blanks from.
#[derive(Debug, Clone, Copy)]
struct Frame {
    trim: Trim,
    start: bool,
    end: bool,
}

impl Evaluator<'_> {
    pub(super) fn quoted_template(&mut self, template: &StringTemplate, at: &Expression) -> Option<Value> {
        // `"${x}"` is x itself, whatever it is.
        if let Some(Element::Interpolation(only)) = template.as_single_element() {
            return self.expression(&only.expr);
        }
        let mut out = Text::default();
        let frame = Frame { trim: Trim::All, start: false, end: false };
        self.render(template, frame, at, &mut out).map(|()| Value::Text(out))
    }

    pub(super) fn heredoc_template(&mut self, template: &Template, at: &Expression) -> Option<Value> {
        let mut out = Text::default();
        let frame = Frame { trim: Trim::Line, start: false, end: false };
        self.render(template, frame, at, &mut out).map(|()| Value::Text(out))
    }

    fn render(&mut self, template: &Template, frame: Frame, at: &Expression, out: &mut Text) -> Option<()> {
        let elements: Vec<&Element> = template.iter().collect();
        let mut complete = Some(());
        for (index, element) in elements.iter().enumerate() {
            let previous = index.checked_sub(1).and_then(|index| elements.get(index));
            let next = elements.get(index + 1);
            let done = match element {
                Element::Literal(literal) => {
                    let start = previous.map_or(frame.start, |element| strip_of(element).strip_end());
                    let end = next.map_or(frame.end, |element| strip_of(element).strip_start());
                    let mut text = literal.as_str();
                    if start {
                        text = trim_start(text, frame.trim);
                    }
                    if end {
                        text = trim_end(text, frame.trim);
                    }
                    self.append(Text::literal(text), at, out)
                }
                Element::Interpolation(interpolation) => self.interpolation(&interpolation.expr, out),
                Element::Directive(directive) => match directive.as_ref() {
                    Directive::If(directive) => self.if_directive(directive, frame.trim, at, out),
                    Directive::For(directive) => self.for_directive(directive, frame.trim, at, out),
                },
            };
            complete = complete.and(done);
        }
        complete
    }

    fn append(&mut self, text: Text, at: &Expression, out: &mut Text) -> Option<()> {
        let length = text.as_literal().map_or(0, str::len);
        self.spend(1 + length / 16, at)?;
        out.append(text);
        Some(())
    }

    fn interpolation(&mut self, expression: &Expression, out: &mut Text) -> Option<()> {
        let value = self.expression(expression)?;
        let text = self.converted(value.to_text(), &value, expression)?;
        self.append(text, expression, out)
    }

    fn if_directive(
        &mut self,
        directive: &IfDirective,
        trim: Trim,
        at: &Expression,
        out: &mut Text,
    ) -> Option<()> {
        let (opening, closing) = (&directive.if_expr, &directive.endif_expr);
        let condition = self.bool_of(&opening.cond_expr)?;
        let (template, start, end) = match (&directive.else_expr, condition) {
            (Some(middle), true) => (&opening.template, opening.strip, middle.strip),
            (None, true) => (&opening.template, opening.strip, closing.strip),
            (Some(middle), false) => (&middle.template, middle.strip, closing.strip),
            (None, false) => return Some(()),
        };
        let frame = Frame { trim, start: start.strip_end(), end: end.strip_start() };
        self.render(template, frame, at, out)
    }

    fn for_directive(
        &mut self,
        directive: &ForDirective,
        trim: Trim,
        at: &Expression,
        out: &mut Text,
    ) -> Option<()> {
        let opening = &directive.for_expr;
        let names = self.loop_names(opening.key_var.as_ref(), &opening.value_var)?;
        let items = self.items(&opening.collection_expr)?;
        let frame =
            Frame { trim, start: opening.strip.strip_end(), end: directive.endfor_expr.strip.strip_start() };
        for (key, value) in items {
            self.with_item(&names, key, value, |evaluator| {
                evaluator.render(&opening.template, frame, at, out)
            })?;
        }
        Some(())
    }
}

/// What an element does to the blanks before and after it.
fn strip_of(element: &Element) -> Strip {
    match element {
        Element::Literal(_) => Strip::None,
        Element::Interpolation(interpolation) => interpolation.strip,
        Element::Directive(directive) => {
            let (first, last) = match directive.as_ref() {
                Directive::If(directive) => (directive.if_expr.strip, directive.endif_expr.strip),
                Directive::For(directive) => (directive.for_expr.strip, directive.endfor_expr.strip),
            };
            Strip::from((first.strip_start(), last.strip_end()))
        }
    }
}

fn trim_start(text: &str, trim: Trim) -> &str {
    match trim {
        Trim::All => text.trim_start(),
        Trim::Line => {
            let rest = text.trim_start_matches([' ', '\t']);
            rest.strip_prefix('\n').unwrap_or(rest)
        }
    }
}

fn trim_end(text: &str, trim: Trim) -> &str {
    match trim {
        Trim::All => text.trim_end(),
        Trim::Line => {
            let rest = text.trim_end_matches([' ', '\t']);
            // At the beginning of a line, the line before gives up its end.
            if rest.len() == text.len() { rest.strip_suffix('\n').unwrap_or(rest) } else { rest }
        }
    }
}
