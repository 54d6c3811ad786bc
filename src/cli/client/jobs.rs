//! `client jobs …`.

use std::process::ExitCode;

use serde_json::{Map, Value, json};

use super::{
    Failure, Target,
    args::{JobArgs, JobsCommand, Outer, TriggerArgs},
    exchange::Exchange,
    follow::{Followed, follow},
    print,
    target::encoded,
};
use crate::cli::console;

pub(super) async fn run(outer: &Outer, command: JobsCommand) -> Result<ExitCode, Failure> {
    match command {
        JobsCommand::List(args) => {
            let exchange = Exchange::new(Target::new(outer, &args.at)?)?;
            let path = exchange.target.path(&["pipelines", &args.pipeline_name, "jobs"]);
            print::json(&exchange.get(&path).await?)
        }
        JobsCommand::Get(args) => {
            let (exchange, path) = one(outer, &args)?;
            print::json(&exchange.get(&path).await?)
        }
        JobsCommand::Trigger(args) => trigger(outer, &args).await,
    }
}

fn one(outer: &Outer, args: &JobArgs) -> Result<(Exchange, String), Failure> {
    let exchange = Exchange::new(Target::new(outer, &args.at)?)?;
    let path = exchange.target.job(args);
    Ok((exchange, path))
}

async fn trigger(outer: &Outer, args: &TriggerArgs) -> Result<ExitCode, Failure> {
    let mut inputs = Map::new();
    for pair in &args.input {
        let wrong = || Failure::usage(format!("--input `{pair}` (expected name=value)"));
        let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
        inputs.insert(name.to_owned(), Value::from(value));
    }
    let (exchange, path) = one(outer, &args.job)?;
    let build = exchange.post(&format!("{path}/trigger"), &json!({"input_values": inputs})).await?;
    if !args.watch {
        return print::json(&build);
    }
    let number = build["build_number"].as_str().unwrap_or_default();
    console::say(format_args!("build {number} of {}", args.job.job_name));
    let Followed { status } = follow(&exchange, &format!("{path}/builds/{}", encoded(number)), None).await?;
    console::say(format_args!("build {number} {status}"));
    Ok(match status.as_str() {
        "succeeded" | "warning" => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}
