//! One timer for all waits of a connection: set anew only where it would fire too late, since most waits are short.

use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep};

/// A timer that lives as long as its connection.
#[derive(Default)]
pub(crate) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    /// Whom it wakes.
    wakes: Option<Wakes>,
}

/// Who a waker is for. The timer below keeps that waker until it has fired, so its task's place in memory is not taken by
/// another one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wakes {
    data: usize,
    table: usize,
}

impl Wakes {
    fn of(waker: &Waker) -> Self {
        Self { data: waker.data().addr(), table: std::ptr::from_ref(waker.vtable()).addr() }
    }
}

impl Timer {
    /// Ready at `at`.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, at: Instant) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        let wakes = Wakes::of(context.waker());
        // It was set for an earlier wait of the same task, and hasn't fired.
        if self.wakes == Some(wakes) && sleep.deadline() <= at && !sleep.is_elapsed() {
            return Poll::Pending;
        }
        loop {
            if sleep.deadline() > at || sleep.is_elapsed() {
                sleep.as_mut().reset(at);
            }
            // A task that has used up its turn is told to come again, and its waker isn't kept.
            self.wakes = has_budget_remaining().then_some(wakes);
            ready!(sleep.as_mut().poll(context));
            // It was set for an earlier wait.
            if Instant::now() >= at {
                return Poll::Ready(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::sync::mpsc;
    use tokio::task::coop::consume_budget;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_wakes_whoever_polled_last_and_never_early() {
        let begun = Instant::now();
        let at = move |seconds| begun + Duration::from_secs(seconds);
        let mut timer = Timer::default();
        // Set for an early wait, kept for a later one, and taken over by another task.
        assert!(poll_fn(|context| Poll::Ready(timer.poll(context, at(1)))).await.is_pending());
        assert!(poll_fn(|context| Poll::Ready(timer.poll(context, at(2)))).await.is_pending());
        let (sender, mut receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            for seconds in [3, 4, 6, 5] {
                poll_fn(|context| timer.poll(context, at(seconds))).await;
                sender.send(Instant::now()).await.unwrap();
            }
        });
        for seconds in [3, 4, 6, 6] {
            assert_eq!(receiver.recv().await, Some(at(seconds)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_at_the_end_of_its_turn_is_woken_too() {
        let at = Instant::now() + Duration::from_secs(1);
        let mut timer = Timer::default();
        let spent = tokio::spawn(async move {
            // All of the first turn is used up before the timer is polled.
            let mut polls = 0;
            poll_fn(|context| {
                while polls == 0 && has_budget_remaining() {
                    let _ = std::pin::pin!(consume_budget()).poll(context);
                }
                polls += 1;
                timer.poll(context, at)
            })
            .await;
            polls
        });
        assert_eq!((spent.await.unwrap(), Instant::now()), (3, at));
    }
}
