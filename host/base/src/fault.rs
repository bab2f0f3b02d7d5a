//! Fault points: named places at which a test ends this process, delays it or lets an operation fail. Only a build with the
//! feature `failpoints` has them; in any other a point is nothing. Knows nothing of what it interrupts.
//!
//! Written here, because the crate for this (`fail`) has had no release for years, holds up the thread instead of the task,
//! and cannot end the process.

#[cfg(not(feature = "failpoints"))]
pub use absent::pass;
#[cfg(feature = "failpoints")]
pub use armed::pass;
#[cfg(feature = "failpoints")]
pub use armed::{Fault, NoFault, POINTS, arm};

#[cfg(not(feature = "failpoints"))]
mod absent {
    use std::{
        future::{Ready, ready},
        io,
    };

    /// Passes a point: in this build there is none.
    pub fn pass(_point: &'static str) -> Ready<io::Result<()>> {
        ready(Ok(()))
    }
}

#[cfg(feature = "failpoints")]
mod armed {
    use std::{
        io,
        str::FromStr,
        sync::{
            OnceLock,
            atomic::{AtomicU64, Ordering},
        },
        time::Duration,
    };

    /// Every point there is.
    pub const POINTS: [&str; 12] = [
        // The journal has a batch and has not begun a transaction.
        "journal.begin",
        // The guards are written, what hangs on them is not.
        "journal.guards",
        // Everything is written, nothing is committed.
        "journal.commit",
        // The COMMIT is done, nobody has been told.
        "journal.committed",
        // A run is leased to this host and has no actor: new, begun by an event, or claimed.
        "engine.launched",
        "engine.dispatched",
        "engine.claimed",
        // A call has returned and its result is nowhere but in memory.
        "engine.returned",
        // An event was read and nothing was done about it.
        "engine.event",
        // A schedule is due and nothing was decided; it was decided and not written; it was written and its runs have no actor.
        "schedule.look",
        "schedule.write",
        "schedule.written",
    ];

    /// The longest pause, so that a slip of the pen does not look like a hanging server.
    const MAX_PAUSE: Duration = Duration::from_mins(10);

    static ARMED: OnceLock<Vec<Armed>> = OnceLock::new();

    /// What happens at a point.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Action {
        /// The process ends as by `kill -9`: nothing is closed, nothing is flushed.
        Abort,
        /// What is done there fails, as by a broken connection.
        Error,
        /// It takes longer.
        Pause(Duration),
    }

    /// A fault for one pass of one point, written `POINT=ACTION@PASS`: `journal.commit=abort@3` ends the process the third
    /// time it is about to commit. Actions are `abort`, `error` and `pause:MILLISECONDS`; without `@PASS` it is the first.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Fault {
        point: &'static str,
        action: Action,
        pass: u64,
    }

    /// Why a text is no fault.
    #[derive(Debug, thiserror::Error, PartialEq, Eq)]
    pub enum NoFault {
        /// It has another form.
        #[error("POINT=ACTION@PASS is wanted, such as journal.commit=abort@3")]
        Form,
        /// There is no such point.
        #[error("there is no fault point {0:?}")]
        Point(String),
        /// There is no such action.
        #[error("there is no action {0:?}: abort, error or pause:MILLISECONDS (600000 at most) is wanted")]
        Action(String),
    }

    impl FromStr for Fault {
        type Err = NoFault;

        fn from_str(text: &str) -> Result<Self, NoFault> {
            let (point, rest) = text.split_once('=').ok_or(NoFault::Form)?;
            let point = POINTS.into_iter().find(|known| *known == point).ok_or(NoFault::Point(point.to_owned()))?;
            let (action, pass) = rest.split_once('@').unwrap_or((rest, "1"));
            let pass = pass.parse().ok().filter(|pass| *pass > 0).ok_or(NoFault::Form)?;
            let pause = action.strip_prefix("pause:").and_then(|pause| pause.parse().ok()).map(Duration::from_millis);
            let action = match (action, pause) {
                ("abort", _) => Action::Abort,
                ("error", _) => Action::Error,
                (_, Some(pause)) if pause <= MAX_PAUSE => Action::Pause(pause),
                _ => return Err(NoFault::Action(action.to_owned())),
            };
            Ok(Self { point, action, pass })
        }
    }

    struct Armed {
        fault: Fault,
        passed: AtomicU64,
    }

    /// Arms faults for the rest of this process; a second time is not heard.
    pub fn arm(faults: Vec<Fault>) {
        _ = ARMED.set(faults.into_iter().map(|fault| Armed { fault, passed: AtomicU64::new(0) }).collect());
    }

    /// Passes a point; the error is the one that a test wants here.
    pub async fn pass(point: &'static str) -> io::Result<()> {
        for armed in ARMED.get().into_iter().flatten().filter(|armed| armed.fault.point == point) {
            if armed.passed.fetch_add(1, Ordering::Relaxed) + 1 != armed.fault.pass {
                continue;
            }
            tracing::warn!(point, action = ?armed.fault.action, "a fault that a test asked for");
            match armed.fault.action {
                Action::Abort => std::process::abort(),
                Action::Error => return Err(io::Error::other(format!("the fault at {point}"))),
                Action::Pause(pause) => tokio::time::sleep(pause).await,
            }
        }
        Ok(())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_fault_is_read_as_it_is_written() {
            let fault: Fault = "journal.commit=pause:20@3".parse().expect("a fault");
            let wanted = Fault { point: "journal.commit", action: Action::Pause(Duration::from_millis(20)), pass: 3 };
            assert_eq!(fault, wanted);
            assert_eq!("engine.event=abort".parse::<Fault>().expect("a fault").pass, 1);
        }

        #[test]
        fn what_is_no_fault_is_refused() {
            let no = |text: &str| text.parse::<Fault>().expect_err("no fault");
            assert_eq!(no("journal.commit"), NoFault::Form);
            assert_eq!(no("journal.commit=abort@0"), NoFault::Form);
            assert_eq!(no("journal.comit=abort"), NoFault::Point("journal.comit".into()));
            assert_eq!(no("journal.commit=explode"), NoFault::Action("explode".into()));
            assert_eq!(no("journal.commit=pause:600001"), NoFault::Action("pause:600001".into()));
        }
    }
}
