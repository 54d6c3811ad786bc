//! `client pipelines …`.

use std::{path::Path, process::ExitCode};

use base64::{Engine, engine::general_purpose::STANDARD};
use pikoci_model::diagnostic::Diagnostic;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Failure, Target,
    args::{GraphArgs, GraphFormat, Outer, PipelineArgs, PipelinesCommand, SaveArgs, UpdateArgs},
    exchange::{Exchange, said},
    print,
};
use crate::cli::{console, vars};

pub(super) async fn run(outer: &Outer, command: PipelinesCommand) -> Result<ExitCode, Failure> {
    match command {
        PipelinesCommand::Create(args) => create(outer, &args).await,
        PipelinesCommand::Update(args) => update(outer, &args).await,
        PipelinesCommand::List(at) => {
            let exchange = Exchange::new(Target::new(outer, &at)?)?;
            print::json(&exchange.get(&exchange.target.path(&["pipelines"])).await?)
        }
        PipelinesCommand::Get(args) => {
            let (exchange, path) = one(outer, &args)?;
            print::json(&exchange.get(&path).await?)
        }
        PipelinesCommand::Delete(args) => {
            let (exchange, path) = one(outer, &args)?;
            print::json(&exchange.data(exchange.request(Method::DELETE, &path)).await?)
        }
        PipelinesCommand::Graph(args) => graph(outer, &args).await,
    }
}

fn one(outer: &Outer, args: &PipelineArgs) -> Result<(Exchange, String), Failure> {
    let exchange = Exchange::new(Target::new(outer, &args.at)?)?;
    let path = exchange.target.path(&["pipelines", &args.name]);
    Ok((exchange, path))
}

async fn create(outer: &Outer, args: &SaveArgs) -> Result<ExitCode, Failure> {
    let exchange = Exchange::new(Target::new(outer, &args.pipeline.at)?)?;
    let mut body = body(args)?;
    body["name"] = json!(args.pipeline.name);
    let path = exchange.target.path(&["pipelines"]);
    saved(&exchange.post(&path, &body).await, &args.config)
}

async fn update(outer: &Outer, args: &UpdateArgs) -> Result<ExitCode, Failure> {
    let (exchange, mut path) = one(outer, &args.save.pipeline)?;
    if args.dry_run {
        path.push_str("?dry_run=1");
    }
    let request = exchange.request(Method::PUT, &path).json(&body(&args.save)?);
    saved(&exchange.data(request).await, &args.save.config)
}

fn body(args: &SaveArgs) -> Result<Value, Failure> {
    let file = std::fs::read(&args.config)
        .map_err(|error| Failure::usage(format!("{}: {error}", args.config.display())))?;
    let mut body = json!({"config": STANDARD.encode(file)});
    if args.vars.is_some() || !args.var.is_empty() {
        body["vars"] = json!(vars::read(args.vars.as_deref(), &args.var).map_err(Failure::usage)?);
    }
    if let Some(public) = args.public {
        body["public"] = json!(public);
    }
    Ok(body)
}

/// Prints what was saved, or on standard error every finding with its place in the file.
fn saved(answer: &Result<Value, Failure>, file: &Path) -> Result<ExitCode, Failure> {
    match answer {
        Ok(data) => {
            data["warnings"]
                .as_array()
                .into_iter()
                .flatten()
                .for_each(|found| console::say(finding(file, found)));
            print::json(data)
        }
        Err(failure) => {
            failure.findings().iter().for_each(|found| console::say(finding(file, found)));
            Ok(failure.report())
        }
    }
}

/// A finding as the compiler shows it, with the file's name as it was given here.
fn finding(file: &Path, found: &Value) -> String {
    match serde_json::from_value::<Diagnostic>(found.clone()) {
        Ok(found) => pikoci_language::render(&Diagnostic { file: file.display().to_string(), ..found }),
        Err(_) => format!("{}: {found}", file.display()),
    }
}

async fn graph(outer: &Outer, args: &GraphArgs) -> Result<ExitCode, Failure> {
    let (exchange, path) = one(outer, &args.pipeline)?;
    match args.format {
        GraphFormat::Dot => {
            let data = exchange.get(&format!("{path}/image.dot")).await?;
            let mut text = data["image"].as_str().unwrap_or_default().to_owned();
            if !text.ends_with('\n') {
                text.push('\n');
            }
            print::bytes(text.as_bytes())
        }
        GraphFormat::Svg => {
            let request = exchange.request(Method::GET, &format!("{path}/image.svg"));
            let response = exchange.send(request).await?;
            print::bytes(&response.bytes().await.map_err(|error| Failure::failed(said(&error)))?)
        }
    }
}
