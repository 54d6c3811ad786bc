//! `client builds …`.

use std::process::ExitCode;

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Failure, Target,
    args::{BuildArgs, BuildListArgs, BuildsCommand, LogsArgs, Outer, Part},
    exchange::{Exchange, said},
    follow::follow,
    print,
    target::encoded,
};
use crate::cli::console;

pub(super) async fn run(outer: &Outer, command: BuildsCommand) -> Result<ExitCode, Failure> {
    match command {
        BuildsCommand::List(args) => list(outer, &args).await,
        BuildsCommand::Get(args) => {
            let (exchange, path) = one(outer, &args.build)?;
            print::json(&exchange.get(&format!("{path}{}", run_query('?', args.run))).await?)
        }
        BuildsCommand::Logs(args) => logs(outer, &args).await,
        BuildsCommand::Cancel(args) => act(outer, &args, "cancel").await,
        BuildsCommand::Retry(args) => act(outer, &args, "retry").await,
    }
}

/// The run that is asked for, as a part of a query.
fn run_query(mark: char, run: Option<u32>) -> String {
    run.map(|run| format!("{mark}run={run}")).unwrap_or_default()
}

fn one(outer: &Outer, args: &BuildArgs) -> Result<(Exchange, String), Failure> {
    let exchange = Exchange::new(Target::new(outer, &args.job.at)?)?;
    let path = format!("{}/builds/{}", exchange.target.job(&args.job), encoded(&args.build_number));
    Ok((exchange, path))
}

async fn act(outer: &Outer, args: &BuildArgs, verb: &str) -> Result<ExitCode, Failure> {
    let (exchange, path) = one(outer, args)?;
    print::json(&exchange.post(&format!("{path}/{verb}"), &json!({})).await?)
}

async fn list(outer: &Outer, args: &BuildListArgs) -> Result<ExitCode, Failure> {
    let exchange = Exchange::new(Target::new(outer, &args.job.at)?)?;
    let mut query = part_query(&args.part);
    query.extend(args.status.iter().map(|status| ("status", status.clone())));
    let path = format!("{}/builds", exchange.target.job(&args.job));
    print::json(&exchange.data(exchange.request(Method::GET, &path).query(&query)).await?)
}

/// A part of a list, as a query.
pub(super) fn part_query(part: &Part) -> Vec<(&'static str, String)> {
    let pairs = [("limit", part.limit.map(i64::from)), ("before", part.before), ("after", part.after)];
    pairs.into_iter().filter_map(|(name, value)| Some((name, value?.to_string()))).collect()
}

async fn logs(outer: &Outer, args: &LogsArgs) -> Result<ExitCode, Failure> {
    let (exchange, path) = one(outer, &args.of.build)?;
    if args.follow {
        follow(&exchange, &path, args.step.as_deref()).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let steps = match &args.step {
        Some(step) => vec![(step.clone(), String::new())],
        None => steps(&exchange.get(&format!("{path}{}", run_query('?', args.of.run))).await?),
    };
    for (step, title) in steps {
        if !title.is_empty() {
            console::say(format_args!("==> {title}"));
        }
        let query = run_query('&', args.of.run);
        copy(&exchange, &format!("{path}/logs?step={}{query}", encoded(&step))).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Paths and titles of the steps that wrote something, in order.
fn steps(build: &Value) -> Vec<(String, String)> {
    let mut steps = Vec::new();
    for step in build["steps"].as_array().into_iter().flatten() {
        let parts = step["sub_steps"].as_array().into_iter().flatten();
        for step in std::iter::once(step).chain(parts) {
            let word = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
            if step["log_bytes"].as_u64() > Some(0) {
                steps.push((word("path"), format!("{} {}", word("type"), word("name"))));
            }
        }
    }
    steps
}

/// Copies bytes as they come.
async fn copy(exchange: &Exchange, path: &str) -> Result<(), Failure> {
    let mut bytes = exchange.send(exchange.request(Method::GET, path)).await?.bytes_stream();
    while let Some(piece) = bytes.next().await {
        print::bytes(&piece.map_err(|error| Failure::failed(said(&error)))?)?;
    }
    Ok(())
}
