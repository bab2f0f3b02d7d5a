//! `wardroom plugin cassette`: a cassette of what was recorded while a run went on. The server recorded whole cases; here they
//! are only put together.

use serde_json::{Value, json};

use super::super::{
    Failed,
    client::{ClientOptions, word},
    terminal,
};
use wardroom_domain::cassette::{Account, Cassette};

/// Prints the cassette of a run's calls through a connection.
pub(in crate::cli) async fn collect(
    client: &ClientOptions,
    run: &str,
    connection: Option<String>,
) -> Result<(), Failed> {
    let attempts = client.list(&format!("/runs/{run}/attempts")).await?;
    let recorded: Vec<&Value> =
        attempts.iter().map(|one| &one["trace"]["recorded"]).filter(|one| one.is_object()).collect();
    let connection = match connection {
        Some(name) => name,
        None => only(&recorded)?,
    };
    let recorded: Vec<&Value> = recorded.into_iter().filter(|one| word(one, "connection") == connection).collect();
    let cases: Vec<&Value> = recorded.iter().map(|one| &one["case"]).collect();
    if cases.is_empty() {
        return Err(Failed(format!(
            "no call of this run through {connection} was recorded: set \"record\": true on that connection, and run it again"
        )));
    }
    let whole = client.get(&format!("/connections/{connection}")).await?;
    let account = json!({
        "base_url": whole["base_url"], "auth": whole["auth"], "config": whole["config"], "grant": whole["grant"],
    });
    let account: Account = serde_json::from_value(account)?;
    let cassette = Cassette { connection: Some(account), cases: serde_json::from_value(json!(cases))? };
    terminal::json(&json!(cassette))?;
    let dropped: u64 = recorded.iter().filter_map(|one| one["dropped"].as_u64()).sum();
    if dropped > 0 {
        terminal::note(&format!("{dropped} exchanges were too large to be recorded: their cases do not play"))?;
    }
    Ok(())
}

/// The one connection that calls were recorded of.
fn only(recorded: &[&Value]) -> Result<String, Failed> {
    let mut names: Vec<String> = recorded.iter().map(|one| word(one, "connection")).collect();
    names.sort_unstable();
    names.dedup();
    match names.as_slice() {
        [name] => Ok(name.clone()),
        [] => Err(Failed(
            "nothing of this run was recorded: set \"record\": true on its connection, and run it again".to_owned(),
        )),
        names => Err(Failed(format!("it was recorded of several: say --connection {}", names.join(" or ")))),
    }
}
