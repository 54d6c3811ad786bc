//! `client teams …`.

use std::process::ExitCode;

use reqwest::Method;

use super::{
    Failure, Target,
    args::{Outer, TeamsCommand},
    exchange::Exchange,
    print,
};

pub(super) async fn run(outer: &Outer, command: TeamsCommand) -> Result<ExitCode, Failure> {
    match command {
        TeamsCommand::List(at) => {
            let exchange = Exchange::new(Target::new(outer, &at)?)?;
            print::json(&exchange.get("/teams").await?)
        }
        TeamsCommand::WorkerToken(args) => {
            let target = Target::new(outer, &args.at)?;
            let path = match args.all_teams {
                true => "/workers/token".to_owned(),
                false => target.path(&["worker-token"]),
            };
            let exchange = Exchange::new(target)?;
            let method = if args.regenerate { Method::POST } else { Method::GET };
            print::json(&exchange.data(exchange.request(method, &path)).await?)
        }
    }
}
