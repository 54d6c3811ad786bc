//! `pikoci pipeline validate|fmt|graph`: a pipeline file without a server.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command};
use pikoci_language::slugify;
use pikoci_model::{
    diagnostic::{Diagnostic, Severity},
    port::{Clock, Compilation, CompileRequest, Compiler},
};

use super::{Exit, console, vars};
use crate::{clock::SystemClock, wire};

/// The flag that lets `source` name `http://`.
pub const ALLOW_INSECURE: &str = "allow-insecure-sources";

/// The commands.
pub fn command() -> Command {
    let file = || Arg::new("file").required(true).value_name("FILE");
    let var = || {
        Arg::new("var")
            .long("var")
            .value_name("NAME=VALUE")
            .action(ArgAction::Append)
            .help("Value for a variable")
    };
    let vars = || Arg::new("vars").long("vars").short('v').value_name("FILE").help("JSON file with values");
    let insecure = || {
        Arg::new(ALLOW_INSECURE)
            .long(ALLOW_INSECURE)
            .action(ArgAction::SetTrue)
            .help("Allow http:// in source, as a server with this flag does")
    };
    Command::new("pipeline")
        .about("Check, format or draw a pipeline file")
        .subcommand_required(true)
        .subcommand(
            Command::new("validate")
                .about("Report everything that is wrong with a pipeline file")
                .args([file(), var(), vars(), insecure()])
                .arg(Arg::new("strict").long("strict").action(ArgAction::SetTrue).help("Warnings fail too"))
                .arg(
                    Arg::new("fragment")
                        .long("fragment")
                        .action(ArgAction::SetTrue)
                        .help("Unresolved references are warnings"),
                )
                .arg(
                    Arg::new("no-fetch")
                        .long("no-fetch")
                        .action(ArgAction::SetTrue)
                        .help("Fetch no remote source"),
                )
                .arg(Arg::new("format").long("format").default_value("text").value_parser(["text", "json"])),
        )
        .subcommand(
            Command::new("fmt")
                .about("Rewrite a pipeline file in canonical form, comments kept")
                .arg(file())
                .arg(
                    Arg::new("check")
                        .long("check")
                        .action(ArgAction::SetTrue)
                        .help("Change nothing; fail if it would change"),
                ),
        )
        .subcommand(
            Command::new("graph")
                .about("Print a pipeline's graph")
                .args([file(), var(), vars(), insecure()])
                .arg(
                    Arg::new("format")
                        .long("format")
                        .short('f')
                        .default_value("dot")
                        .value_parser(["dot", "svg"]),
                ),
        )
}

/// Runs one of them.
pub fn run(matches: &ArgMatches) -> Exit {
    let result = match matches.subcommand() {
        Some(("validate", matches)) => validate(matches),
        Some(("fmt", matches)) => format(matches),
        Some(("graph", matches)) => graph(matches),
        _ => Ok(Exit::Usage),
    };
    result.unwrap_or_else(|error| {
        console::error(&error);
        Exit::Usage
    })
}

fn file_of(matches: &ArgMatches) -> PathBuf {
    matches.get_one::<String>("file").map(PathBuf::from).unwrap_or_default()
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn compile(
    matches: &ArgMatches,
    compiler: &dyn Compiler,
    fragment: bool,
    strict: bool,
    fetch: bool,
) -> Result<Compilation, String> {
    let file = file_of(matches);
    let given: Vec<String> = matches.get_many::<String>("var").into_iter().flatten().cloned().collect();
    let request = CompileRequest {
        source: read(&file)?,
        file: file.display().to_string(),
        vars: vars::read(matches.get_one::<String>("vars").map(Path::new), &given)?,
        now: SystemClock::new().now(),
        fragment,
        strict,
        lenient_vars: true,
        fetch,
    };
    Ok(wire::block_on(compiler.compile(request)))
}

fn validate(matches: &ArgMatches) -> Result<Exit, String> {
    let compiler = wire::local_compiler(matches.get_flag(ALLOW_INSECURE));
    let compilation = compile(
        matches,
        compiler.as_ref(),
        matches.get_flag("fragment"),
        matches.get_flag("strict"),
        !matches.get_flag("no-fetch"),
    )?;
    let refused =
        compilation.pipeline.is_none() || (matches.get_flag("strict") && !compilation.diagnostics.is_empty());
    let json = matches.get_one::<String>("format").is_some_and(|format| format == "json");
    let said = if json {
        let found = serde_json::json!({ "valid": !refused, "errors": compilation.diagnostics });
        console::line(format_args!("{found:#}"))
    } else {
        report(compiler.as_ref(), &compilation.diagnostics);
        if refused { Exit::Usage } else { console::line("Valid.") }
    };
    Ok(if refused { Exit::Usage } else { said })
}

fn format(matches: &ArgMatches) -> Result<Exit, String> {
    let compiler = wire::local_compiler(false);
    let file = file_of(matches);
    let source = read(&file)?;
    match compiler.format(&file.display().to_string(), &source) {
        Err(diagnostics) => {
            report(compiler.as_ref(), &diagnostics);
            Ok(Exit::Usage)
        }
        Ok(text) if text.as_bytes() == source => Ok(Exit::Success),
        Ok(_) if matches.get_flag("check") => {
            console::say(format_args!("{}: would be formatted", file.display()));
            Ok(Exit::Failed)
        }
        Ok(text) => {
            std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
            console::say(format_args!("{}: formatted", file.display()));
            Ok(Exit::Success)
        }
    }
}

fn graph(matches: &ArgMatches) -> Result<Exit, String> {
    let compiler = wire::local_compiler(matches.get_flag(ALLOW_INSECURE));
    let compilation = compile(matches, compiler.as_ref(), false, false, true)?;
    report(compiler.as_ref(), &compilation.diagnostics);
    let Some(pipeline) = compilation.pipeline else { return Ok(Exit::Usage) };
    let name = name_of_file(&file_of(matches));
    let svg = matches.get_one::<String>("format").is_some_and(|format| format == "svg");
    Ok(console::result(&wire::draw_graph(&name, &pipeline, svg)))
}

/// The slug of a file's name without its extension: the name of a pipeline that is given none.
pub fn name_of_file(file: &Path) -> String {
    let slug = slugify(&file.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default());
    if slug.is_empty() { "pipeline".to_owned() } else { slug }
}

/// How many errors there are, in words; none if there are none.
pub fn errors(diagnostics: &[Diagnostic]) -> Option<String> {
    match diagnostics.iter().filter(|d| d.severity == Severity::Error).count() {
        0 => None,
        1 => Some("1 error".to_owned()),
        many => Some(format!("{many} errors")),
    }
}

/// Findings as a person reads them, on standard error.
pub fn report(compiler: &dyn Compiler, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        console::say(compiler.render(diagnostic).trim_end());
    }
    if let Some(errors) = errors(diagnostics) {
        console::say(errors);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_is_named_after_its_file() {
        assert_eq!(name_of_file(Path::new("deploy/My Pipeline.v2.hcl")), "my-pipeline-v2");
        assert_eq!(name_of_file(Path::new("pipeline.hcl")), "pipeline");
    }
}
