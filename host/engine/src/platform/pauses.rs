//! The kill switch: holds everything, one workflow or one connection until somebody resumes.

use serde_json::Value;

use super::{Caller, Engine, EngineError, between};
use wardroom_domain::pause::{Pause, PauseScope};
use wardroom_store::Guard;

impl Engine {
    /// What is held now.
    pub async fn pause_list(&self) -> Result<Vec<Pause>, EngineError> {
        Ok(self.store().pauses().await?)
    }

    /// Holds automation. What is in flight finishes; nothing new starts.
    pub async fn automation_pause(
        &self,
        caller: &Caller,
        scope: PauseScope,
        reason: &str,
    ) -> Result<Pause, EngineError> {
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > 500 {
            return Err(EngineError::invalid("reason", "1 to 500 characters are wanted: people will ask why"));
        }
        let pause = Pause { scope, reason: reason.to_owned(), by: caller.actor(), at: self.now() };
        let data = between(self.paused(&pause.scope).await?, &pause);
        self.change_platform(caller, Guard::Pause(pause.clone()), "automation.pause", "automation", data).await?;
        Ok(pause)
    }

    /// Lets automation go on; runs that were held continue at once.
    pub async fn automation_resume(&self, caller: &Caller, scope: &PauseScope) -> Result<(), EngineError> {
        let Some(known) = self.paused(scope).await? else {
            return Err(EngineError::Conflict("nothing is paused there".to_owned()));
        };
        let data = between(known, Value::Null);
        self.change_platform(caller, Guard::Resume(scope.clone()), "automation.resume", "automation", data).await?;
        self.store().wake_paused_runs(self.now()).await?;
        self.0.due.notify_one();
        Ok(())
    }

    async fn paused(&self, scope: &PauseScope) -> Result<Option<Pause>, EngineError> {
        Ok(self.catalog().await?.pauses.iter().find(|pause| pause.scope == *scope).cloned())
    }
}
