//! Who may compute when. Guests run on the server's own threads, so a few that compute for long would keep everybody waiting.
//! They take turns of a tick each, on all cores but one: that one is left to calls that are short, and to the server itself.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use super::limits;
use crate::clock::monotonic_now;

/// The turns.
pub(super) struct Lane {
    turns: Arc<Semaphore>,
}

/// How many calls of a plugin compute for long just now. While there are any, all of its calls take turns: a plugin whose calls
/// begin anew all the time would have the cores as well.
#[derive(Default)]
pub(super) struct Appetite(AtomicUsize);

impl Lane {
    pub(super) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { turns: Arc::new(Semaphore::new(cores.saturating_sub(1).max(1))) }
    }

    /// Does a call's work, and measures it. Without appetite nobody waits.
    pub(super) async fn run<T>(&self, plugin: &Appetite, computed: &Computed, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut waiting = None;
        let mut counted = Counted { plugin, counts: false };
        poll_fn(move |context| {
            let turn = match self.turn(plugin, &mut waiting, context) {
                Poll::Ready(turn) => turn,
                Poll::Pending => return Poll::Pending,
            };
            computed.begin();
            let polled = work.as_mut().poll(context);
            computed.pause();
            drop(turn);
            if computed.so_far() > limits::SHORT {
                counted.count();
            }
            polled
        })
        .await
    }

    /// The turn, if one is needed, as soon as it is this call's.
    fn turn(&self, plugin: &Appetite, waiting: &mut Option<Waiting>, context: &mut Context) -> Poll<Option<Turn>> {
        if waiting.is_none() && plugin.0.load(Ordering::Relaxed) == 0 {
            return Poll::Ready(None);
        }
        let wait = waiting.get_or_insert_with(|| Box::pin(Arc::clone(&self.turns).acquire_owned()));
        let turn = match wait.poll_unpin(context) {
            Poll::Ready(turn) => turn,
            Poll::Pending => return Poll::Pending,
        };
        *waiting = None;
        // The semaphore is never closed; were it, nobody would have to wait.
        Poll::Ready(turn.ok())
    }
}

/// How long a call has computed: the time a thread was busy with it. What it waits for is not counted.
#[derive(Debug, Default)]
pub(super) struct Computed(Mutex<(Duration, Option<Instant>)>);

impl Computed {
    fn begin(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(monotonic_now());
    }

    fn pause(&self) {
        let so_far = self.so_far();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (so_far, None);
    }

    /// Until now, also in the middle of a slice.
    pub(super) fn so_far(&self) -> Duration {
        let (before, began) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        before + began.map_or(Duration::ZERO, |began| monotonic_now().saturating_duration_since(began))
    }
}

type Turn = OwnedSemaphorePermit;
type Waiting = BoxFuture<'static, Result<Turn, AcquireError>>;

/// A call that is counted as long as it lives.
struct Counted<'a> {
    plugin: &'a Appetite,
    counts: bool,
}

impl Counted<'_> {
    fn count(&mut self) {
        if !self.counts {
            self.counts = true;
            self.plugin.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        if self.counts {
            self.plugin.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;

    use super::*;

    /// Computes for as long as a call may that is not short, in slices, and tells each.
    async fn compute(slices: &AtomicUsize) {
        for _ in 0..3 {
            slices.fetch_add(1, Ordering::Relaxed);
            let began = monotonic_now();
            while began.elapsed() <= limits::SHORT {}
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_computes_for_long_waits_for_a_turn_and_others_do_not() {
        let lane = Lane::new();
        let (greedy, modest, slices) = (Appetite::default(), Appetite::default(), AtomicUsize::new(0));
        let (one, two, three) = (Computed::default(), Computed::default(), Computed::default());
        let all = u32::try_from(lane.turns.available_permits()).expect("few");
        let taken = Arc::clone(&lane.turns).acquire_many_owned(all).await.expect("is open");
        let mut long = pin!(lane.run(&greedy, &one, compute(&slices)));
        for _ in 0..3 {
            assert!(futures_util::poll!(long.as_mut()).is_pending());
        }
        assert_eq!(slices.load(Ordering::Relaxed), 1, "after its first slice it waits");
        let mut next = pin!(lane.run(&greedy, &two, compute(&slices)));
        assert!(futures_util::poll!(next.as_mut()).is_pending());
        assert_eq!(slices.load(Ordering::Relaxed), 1, "so does whoever comes next of the same plugin");
        assert_eq!(lane.run(&modest, &three, async { 1 }).await, 1);
        drop(taken);
        futures_util::join!(long, next);
        assert_eq!(slices.load(Ordering::Relaxed), 6);
        assert!(one.so_far() >= 3 * limits::SHORT && three.so_far() < limits::SHORT, "{one:?}, {three:?}");
        assert_eq!(greedy.0.load(Ordering::Relaxed), 0, "nobody is counted who has ended");
    }
}
