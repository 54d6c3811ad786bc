//! Megabytes of log a second, end to end: printed, read, masked, sent, stored, acknowledged.

use std::fmt::Write;

use crate::{
    Bench, Fallible, client::Client, figure::Figure, moment, processor, produce, sample::Sample, server::Home,
};

const SECRETS: usize = 100;

pub fn measure(bench: &Bench) -> Fallible<Vec<Figure>> {
    let home = Home::new(bench, "")?;
    let bytes = bench.rounds(200_000_000);
    let secrets = home.path().join("secrets.json");
    std::fs::write(&secrets, secrets_file())?;
    std::fs::write(home.path().join("bench.hcl"), pipeline(bytes, &secrets.display().to_string())?)?;
    let server = home.start(bench)?;
    let client = server.client()?;
    let mut rates = Sample::default();
    let mut masked = 0.0;
    let used = processor::seconds(&server.processes());
    let rounds = if bench.quick { 1 } else { 5 };
    for _ in 0..rounds {
        let (rate, lost) = once(&client, bytes)?;
        rates.push(rate);
        masked = lost;
    }
    let used = (processor::seconds(&server.processes()) - used) * 1000.0;
    server.stop()?;
    let (slowest, fastest) = rates.range();
    let megabytes = (rounds * bytes) as f64 / 1e6;
    let cost = format!("{:.2} ms of processor for each MB, the producer included", used / megabytes);
    Ok(vec![
        Figure::new("log, end to end", rates.median(), "MB/s").at_least(350.0).note(cost).note(format!(
            "{rounds} × {} MB of varied 100-byte lines in 64 KiB blocks, {SECRETS} secrets masked ({masked:.0} bytes of them gone): {slowest:.0} to {fastest:.0}",
            bytes / 1_000_000
        )),
    ])
}

/// Megabytes a second, from the begin of the step to the end of the build at a client: by then all is stored. And how
/// many bytes the mask took away.
fn once(client: &Client, bytes: usize) -> Fallible<(f64, f64)> {
    let build = client.trigger("log")?;
    client.watch_states(&build)?.end("succeeded")?;
    let ended = moment::now();
    let row = client.build(&build)?;
    let step = &row["steps"][0];
    let stored = step["log_bytes"].as_f64().unwrap_or_default();
    if stored < bytes as f64 * 0.99 {
        return Err(format!("{stored} bytes are stored of {bytes}").into());
    }
    let took = moment::between(moment::of(&step["started_at"])?, ended);
    Ok((bytes as f64 / 1000.0 / took, bytes as f64 - stored))
}

fn secret(index: usize) -> String {
    // Letters that differ early, as those of generated secrets do.
    let mixed = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("{mixed:016x}-Secret/{index}")
}

fn secrets_file() -> String {
    let pairs = (0..SECRETS).map(|index| (format!("k{index}"), serde_json::Value::from(secret(index))));
    serde_json::Value::Object(pairs.collect()).to_string()
}

fn pipeline(bytes: usize, secrets: &str) -> Fallible<String> {
    let mut text = String::new();
    for index in 0..SECRETS {
        writeln!(
            text,
            "variable \"s{index}\" {{\n  secret \"file\" {{\n    path = {secrets:?}\n    key = \"k{index}\"\n  }}\n}}"
        )?;
    }
    let program = std::env::current_exe()?;
    writeln!(text, "job \"log\" {{\n  task \"log\" {{\n    run \"exec\" {{\n      path = {program:?}")?;
    writeln!(text, "      args = [{:?}, \"{bytes}\"]\n      env = {{", produce::COMMAND)?;
    for index in 0..SECRETS {
        writeln!(text, "        S{index} = var.s{index}")?;
    }
    text.push_str("      }\n    }\n  }\n}\n");
    Ok(text)
}
