//! `client workers …`.

use std::process::ExitCode;

use reqwest::Method;

use super::{
    Failure, Target,
    args::{Outer, WorkersCommand},
    exchange::Exchange,
    print,
    target::encoded,
};

pub(super) async fn run(outer: &Outer, command: WorkersCommand) -> Result<ExitCode, Failure> {
    match command {
        WorkersCommand::List(at) => {
            let exchange = Exchange::new(Target::new(outer, &at)?)?;
            print::json(&exchange.get("/workers").await?)
        }
        WorkersCommand::Delete(args) => {
            let exchange = Exchange::new(Target::new(outer, &args.at)?)?;
            let path = format!("/workers/{}", encoded(&args.name));
            print::json(&exchange.data(exchange.request(Method::DELETE, &path)).await?)
        }
    }
}
