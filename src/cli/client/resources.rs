//! `client resources …`.

use std::process::ExitCode;

use reqwest::Method;
use serde_json::json;

use super::{
    Failure, Target,
    args::{Outer, ResourceArgs, ResourcesCommand},
    builds::part_query,
    exchange::Exchange,
    print,
};

pub(super) async fn run(outer: &Outer, command: ResourcesCommand) -> Result<ExitCode, Failure> {
    match command {
        ResourcesCommand::List(args) => {
            let exchange = Exchange::new(Target::new(outer, &args.at)?)?;
            let path = exchange.target.path(&["pipelines", &args.pipeline_name, "resources"]);
            print::json(&exchange.get(&path).await?)
        }
        ResourcesCommand::Get(args) => {
            let (exchange, path) = one(outer, &args)?;
            print::json(&exchange.get(&path).await?)
        }
        ResourcesCommand::Trigger(args) => {
            let (exchange, path) = one(outer, &args)?;
            print::json(&exchange.post(&format!("{path}/trigger"), &json!({})).await?)
        }
        ResourcesCommand::Versions(args) => {
            let (exchange, path) = one(outer, &args.resource)?;
            let request = exchange.request(Method::GET, &format!("{path}/versions"));
            print::json(&exchange.data(request.query(&part_query(&args.part))).await?)
        }
    }
}

fn one(outer: &Outer, args: &ResourceArgs) -> Result<(Exchange, String), Failure> {
    let exchange = Exchange::new(Target::new(outer, &args.at)?)?;
    let path =
        exchange.target.path(&["pipelines", &args.pipeline_name, "resources", &args.resource_canonical]);
    Ok((exchange, path))
}
