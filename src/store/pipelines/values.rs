//! Values given for variables: plain ones as JSON, secrets sealed.

use std::collections::BTreeMap;

use pikoci_model::{id::PipelineId, port::store::SaveRevision, text::SecretValue};
use pikoci_seal::HostKey;

use crate::{
    error::Fault,
    field::{get, text},
    sql::{Conn, query},
};

fn context(pipeline: PipelineId, name: &str) -> String {
    format!("given:{pipeline}:{name}")
}

/// Replaces the stored set.
pub(super) async fn save(
    conn: &mut Conn,
    key: &HostKey,
    pipeline: PipelineId,
    save: &SaveRevision,
) -> Result<(), Fault> {
    let clear = query("DELETE FROM pipeline_values WHERE pipeline_id = ?");
    clear.bind(pipeline.0).execute(conn).await?;
    for (name, value) in &save.vars {
        put(conn, pipeline, false, name, text(value)?.into_bytes()).await?;
    }
    for (name, value) in &save.given_secrets {
        let sealed = pikoci_seal::seal(key, &context(pipeline, name), value.reveal().as_bytes());
        put(conn, pipeline, true, name, sealed.map_err(|e| Fault::Refused(e.to_string()))?).await?;
    }
    Ok(())
}

async fn put(
    conn: &mut Conn,
    pipeline: PipelineId,
    secret: bool,
    name: &str,
    value: Vec<u8>,
) -> Result<(), Fault> {
    let insert = query("INSERT INTO pipeline_values (pipeline_id, secret, name, value) VALUES (?, ?, ?, ?)");
    insert.bind(pipeline.0).bind(secret).bind(name).bind(value).execute(conn).await?;
    Ok(())
}

async fn read(conn: &mut Conn, pipeline: PipelineId, secret: bool) -> Result<Vec<(String, Vec<u8>)>, Fault> {
    let query = query("SELECT name, value FROM pipeline_values WHERE pipeline_id = ? AND secret = ?");
    let rows = query.bind(pipeline.0).bind(secret).fetch_all(conn).await?;
    rows.iter().map(|row| Ok((get(row, 0)?, get(row, 1)?))).collect()
}

/// The plain values.
pub(super) async fn plain(
    conn: &mut Conn,
    pipeline: PipelineId,
) -> Result<BTreeMap<String, serde_json::Value>, Fault> {
    let values = read(conn, pipeline, false).await?.into_iter().map(|(name, value)| {
        let parsed = serde_json::from_slice(&value);
        let parsed = parsed.map_err(|e| Fault::row("pipeline_values", format!("{pipeline} {name}"), e))?;
        Ok((name, parsed))
    });
    values.collect()
}

/// The secrets, opened.
pub(crate) async fn given_secrets(
    conn: &mut Conn,
    key: &HostKey,
    pipeline: PipelineId,
) -> Result<BTreeMap<String, SecretValue>, Fault> {
    let values = read(conn, pipeline, true).await?.into_iter().map(|(name, sealed)| {
        let bad = |problem: String| Fault::row("pipeline_values", format!("{pipeline} {name}"), problem);
        let opened = pikoci_seal::open(key, &context(pipeline, &name), &sealed);
        let value = String::from_utf8(opened.map_err(|e| bad(e.to_string()))?);
        let value = value.map_err(|_| bad("is not UTF-8".into()))?;
        Ok((name, SecretValue::new(value)))
    });
    values.collect()
}
