//! Reading sources of alerts and silences.

use super::{
    Store, StoreError,
    read::{Cursor, Select, each},
    rows,
};
use wardroom_domain::{
    intake::{Source, silence::Silence},
    time::Timestamp,
};

/// The most of each; installations stay far below.
const MOST: u32 = 10_000;

/// A silence with what it silenced so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSilence {
    /// The silence.
    pub silence: Silence,
    /// How many alerts; a redelivered one counts again.
    pub alerts: i64,
    /// When the last came.
    pub last_alert_at: Option<Timestamp>,
}

impl Store {
    /// Every source that has settings, by name.
    pub async fn sources(&self) -> Result<Vec<Source>, StoreError> {
        let select = Select::new("SELECT document FROM sources").order("name", MOST);
        each(&select.all(self).await?, |row| row.json("document"))
    }

    /// The silences that end after a time, the first to end first.
    pub async fn silences(&self, after: Timestamp) -> Result<Vec<StoredSilence>, StoreError> {
        let select = Select::new("SELECT document, alerts, last_alert_at FROM silences");
        each(&select.and("ends_at >", rows::time(after)).order("ends_at, id", MOST).all(self).await?, silence)
    }

    /// A silence, over or not.
    pub async fn silence(&self, id: wardroom_domain::id::SilenceId) -> Result<Option<StoredSilence>, StoreError> {
        let select = Select::new("SELECT document, alerts, last_alert_at FROM silences").and("id =", rows::id(id.0));
        select.one(self).await?.map(|row| silence(&Cursor(&row))).transpose()
    }
}

fn silence(row: &Cursor<'_>) -> Result<StoredSilence, StoreError> {
    Ok(StoredSilence {
        silence: row.json("document")?,
        alerts: row.int("alerts")?,
        last_alert_at: row.maybe_time("last_alert_at")?,
    })
}
