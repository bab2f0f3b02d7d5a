//! Who may compute where. A call that is short computes on the server's own threads: nothing is faster. One that turns out to be
//! long goes on on threads that are there for such calls alone, one fewer than there are cores, where they take turns of a tick
//! each; so does whatever its plugin is called for meanwhile. The server's own threads are never busy with them.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    task::{Context, Poll},
    thread,
    time::Duration,
};

use async_task::Runnable;
use futures_util::{FutureExt, future::BoxFuture};
use tokio::runtime::Handle;

use super::limits;
use wardroom_base::clock::thread_cpu_time;

/// The threads for calls that compute for long. They end with the lane and the last of its calls.
pub(super) struct Lane {
    turns: Sender<Runnable>,
}

/// How many calls of a plugin compute for long just now. While there are any, all of its calls take turns: a plugin whose calls
/// begin anew all the time would have the server's threads as well.
#[derive(Default)]
pub(super) struct Appetite(AtomicUsize);

impl Lane {
    /// Starts the threads.
    pub(super) fn new() -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let (turns, waiting) = mpsc::channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..cores.saturating_sub(1).max(1) {
            let waiting = Arc::clone(&waiting);
            thread::Builder::new().name("plugin-long".to_owned()).spawn(move || take_turns(&waiting))?;
        }
        Ok(Self { turns })
    }

    /// Does a call's work, and measures it. Whoever stops waiting for it ends it at its next turn.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        plugin: &Arc<Appetite>,
        computed: &Arc<Computed>,
        work: BoxFuture<'static, T>,
    ) -> T {
        let (plugin, computed) = (Arc::clone(plugin), Arc::clone(computed));
        let mut call = Call { work, computed, plugin, long: false };
        if call.plugin.0.load(Ordering::Relaxed) == 0 {
            let short = poll_fn(|context| match call.poll_unpin(context) {
                Poll::Pending if !call.long => Poll::Pending,
                Poll::Pending => Poll::Ready(None),
                Poll::Ready(done) => Poll::Ready(Some(done)),
            });
            if let Some(done) = short.await {
                return done;
            }
        }
        let turns = self.turns.clone();
        let here = Here { runtime: Handle::current(), call: Some(call) };
        // The threads live as long as the sender does, so nothing is lost on its way.
        let schedule = move |turn| drop(turns.send(turn));
        let (turn, done) = async_task::Builder::new().propagate_panic(true).spawn(|()| here, schedule);
        turn.schedule();
        done.await
    }
}

/// A thread's life: the next turn of whoever waits for longest.
fn take_turns(waiting: &Mutex<Receiver<Runnable>>) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(turn) = next else { return };
        turn.run();
    }
}

/// A call's work, measured. It is counted from when it has computed for long until it has ended.
struct Call<T> {
    work: BoxFuture<'static, T>,
    computed: Arc<Computed>,
    plugin: Arc<Appetite>,
    long: bool,
}

impl<T> Future for Call<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<T> {
        self.computed.begin();
        let polled = self.work.poll_unpin(context);
        self.computed.pause();
        if !self.long && self.computed.so_far() > limits::SHORT {
            self.long = true;
            self.plugin.0.fetch_add(1, Ordering::Relaxed);
        }
        polled
    }
}

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        if self.long {
            self.plugin.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A call on a thread that is not the runtime's. Its timers and connections are the runtime's all the same, also when they go:
/// a call that nobody waits for any more ends here.
struct Here<T> {
    runtime: Handle,
    call: Option<Call<T>>,
}

impl<T> Drop for Here<T> {
    fn drop(&mut self) {
        let _entered = self.runtime.enter();
        self.call = None;
    }
}

impl<T> Future for Here<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<T> {
        let this = &mut *self;
        let _entered = this.runtime.enter();
        match &mut this.call {
            Some(call) => call.poll_unpin(context),
            None => Poll::Pending,
        }
    }
}

/// How long a call has computed: CPU time of the threads that were busy with it. What it waits for is not counted, and neither
/// is what others compute meanwhile.
#[derive(Debug, Default)]
pub(super) struct Computed(Mutex<(Duration, Option<Duration>)>);

impl Computed {
    fn begin(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(thread_cpu_time());
    }

    fn pause(&self) {
        let so_far = self.so_far();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (so_far, None);
    }

    /// Until now, also in the middle of a turn: then from the call's own thread.
    pub(super) fn so_far(&self) -> Duration {
        let (before, began) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        before + began.map_or(Duration::ZERO, |began| thread_cpu_time().saturating_sub(began))
    }
}

#[cfg(test)]
mod tests {
    use std::thread::ThreadId;

    use tokio::{sync::oneshot, task::yield_now};

    use super::*;

    /// Computes for as long as a call may that is not short, three times, and tells on which threads.
    fn long() -> BoxFuture<'static, Vec<ThreadId>> {
        async {
            let mut threads = Vec::new();
            for _ in 0..3 {
                threads.push(thread::current().id());
                let began = thread_cpu_time();
                while thread_cpu_time().saturating_sub(began) <= limits::SHORT {}
                yield_now().await;
            }
            threads
        }
        .boxed()
    }

    #[tokio::test]
    async fn who_computes_for_long_goes_on_elsewhere_and_others_stay() {
        let lane = Lane::new().expect("threads start");
        let (greedy, modest) = (Arc::<Appetite>::default(), Arc::<Appetite>::default());
        let (one, two, three) = (Arc::<Computed>::default(), Arc::<Computed>::default(), Arc::<Computed>::default());
        let here = thread::current().id();

        let (open, wait) = oneshot::channel::<()>();
        let first = async {
            let threads = long().await;
            wait.await.expect("is opened");
            threads
        };
        let mut first = Box::pin(lane.run(&greedy, &one, first.boxed()));
        while greedy.0.load(Ordering::Relaxed) == 0 {
            assert!(futures_util::poll!(&mut first).is_pending());
        }
        let of_next = lane.run(&greedy, &two, async { thread::current().id() }.boxed()).await;
        assert_ne!(of_next, here, "whoever comes next of the same plugin is asked to leave, too");
        assert_eq!(lane.run(&modest, &three, async { thread::current().id() }.boxed()).await, here);
        open.send(()).expect("is awaited");
        let threads = first.await;
        assert_eq!(threads[0], here, "nobody knows beforehand");
        assert!(threads[1..].iter().all(|thread| *thread != here), "{threads:?}, here is {here:?}");
        assert!(one.so_far() >= 3 * limits::SHORT && three.so_far() < limits::SHORT, "{one:?}, {three:?}");
        assert_eq!(greedy.0.load(Ordering::Relaxed), 0, "nobody is counted who has ended");
    }

    #[tokio::test]
    async fn a_panic_elsewhere_is_the_caller_s_and_the_thread_goes_on() {
        let lane = Lane::new().expect("threads start");
        let (plugin, computed) = (Arc::<Appetite>::default(), Arc::<Computed>::default());
        let broken = async {
            long().await;
            panic!("a defect of the host's");
        };
        let caught = std::panic::AssertUnwindSafe(lane.run(&plugin, &computed, broken.boxed())).catch_unwind().await;
        assert!(caught.is_err());
        assert_eq!(lane.run(&plugin, &computed, long()).await.len(), 3);
    }

    /// What only the runtime can take back, as the connection to a database is.
    struct Lent(Option<oneshot::Sender<()>>);

    impl Drop for Lent {
        fn drop(&mut self) {
            let held = self.0.take();
            tokio::spawn(async move { held.map(|held| held.send(())) });
        }
    }

    #[tokio::test]
    async fn a_call_that_nobody_waits_for_any_more_ends() {
        let lane = Lane::new().expect("threads start");
        let (plugin, computed) = (Arc::<Appetite>::default(), Arc::<Computed>::default());
        let (held, ended) = oneshot::channel::<()>();
        let endless = async move {
            let _held = Lent(Some(held));
            loop {
                long().await;
            }
        };
        let mut endless = Box::pin(lane.run::<()>(&plugin, &computed, endless.boxed()));
        while plugin.0.load(Ordering::Relaxed) == 0 {
            assert!(futures_util::poll!(&mut endless).is_pending());
        }
        assert!(futures_util::poll!(&mut endless).is_pending());
        drop(endless);
        ended.await.expect("what it held is given back");
        assert_eq!(plugin.0.load(Ordering::Relaxed), 0);
    }
}
