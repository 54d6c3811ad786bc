//! `format` and `formatlist`: verbs as in `printf`, without surprises: an argument that is not
//! used, or one that is missing, is an error.

mod verb;

use pikoci_model::text::Text;

use self::verb::{Piece, Verb, parse};
use super::FnError;
use super::call::{Call, Function, Outcome, bounded, failed, size_of};
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::at_least("format", 1, |c| {
        let pieces = specification(c)?;
        let args: Vec<&Value> = c.args[1..].iter().collect();
        Ok(render(&pieces, &args, &mut 0)?.into())
    })
    .moving_secrets()
    .taking_null(),
    Function::at_least("formatlist", 1, formatlist).moving_secrets().taking_null(),
];

/// The parsed first argument; every later argument is used by it.
fn specification(call: &Call<'_>) -> Result<Vec<Piece>, FnError> {
    let malformed = |problem| FnError::Malformed { index: 0, notation: "format", problem };
    let pieces = parse(&call.string(0)?).map_err(malformed)?;
    let given = call.args.len() - 1;
    let used = pieces.iter().filter_map(Piece::verb).map(|verb| verb.argument + 1).max().unwrap_or(0);
    if used < given {
        return Err(failed(format!("{given} arguments are given, the format uses {used}")));
    }
    Ok(pieces)
}

/// `size` counts the bytes made by one call.
fn render(pieces: &[Piece], args: &[&Value], size: &mut usize) -> Result<Text, FnError> {
    let mut out = Text::default();
    for piece in pieces {
        let part = match piece {
            Piece::Literal(text) => Text::literal(text.as_str()),
            Piece::Verb(verb) => {
                let arg = args.get(verb.argument).ok_or_else(|| {
                    failed(format!("`{verb}` needs argument {}, {} are given", verb.argument + 1, args.len()))
                })?;
                fill(verb, arg)?
            }
        };
        *size = bounded(*size + size_of(&part))?;
        out.append(part);
    }
    Ok(out)
}

/// A secret may take the place of a plain `%s` or `%v`: nothing else is possible without
/// knowing its text.
fn fill(verb: &Verb, arg: &Value) -> Result<Text, FnError> {
    let index = verb.argument + 1;
    match arg {
        Value::Text(text) if text.has_secret() && verb.only_moves() => Ok(text.clone()),
        _ if arg.contains_secret() => Err(FnError::Secret { index }),
        _ => verb.apply(arg).map(Text::literal).map_err(|expected| FnError::Argument {
            index,
            expected: format!("for `{verb}` {expected}"),
            found: arg
                .as_str()
                .map_or_else(|| arg.kind().name().to_owned(), |text| format!("string {text:?}")),
        }),
    }
}

/// Lists are walked in step, everything else is repeated.
fn formatlist(call: &Call<'_>) -> Outcome {
    let pieces = specification(call)?;
    let columns: Vec<Result<Vec<&Value>, &Value>> = call.args[1..]
        .iter()
        .map(|arg| match arg {
            Value::List(_) | Value::Set(_) => Ok(arg.elements().unwrap_or_default()),
            single => Err(single),
        })
        .collect();
    let mut lengths =
        columns.iter().enumerate().filter_map(|(at, column)| Some((at, column.as_ref().ok()?.len())));
    let rows = match lengths.next() {
        None => 1,
        Some((first, length)) => {
            if let Some((at, other)) = lengths.find(|(_, other)| *other != length) {
                return Err(failed(format!(
                    "argument {} has {length} elements, argument {} has {other}",
                    first + 2,
                    at + 2
                )));
            }
            length
        }
    };
    let mut size = 0;
    let mut row = |row: usize| {
        let args: Vec<&Value> = columns
            .iter()
            .map(|column| column.as_ref().map_or_else(|single| *single, |list| list[row]))
            .collect();
        Ok(Value::Text(render(&pieces, &args, &mut size)?))
    };
    Ok(Value::List((0..rows).map(&mut row).collect::<Result<_, FnError>>()?))
}
