//! A future that is being measured.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::Verdict;
use super::call::{Call, Kind};
use super::running::Running;

pin_project! {
    /// A future that is being measured from its first poll on; see [`Call::run`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Run<K: Kind, F, J> {
        // dropped before the rest, within the time that is measured
        #[pin]
        future: F,
        stage: Stage<K>,
        judge: Option<J>,
    }
}

enum Stage<K: Kind> {
    Waiting(Call<K>),
    Running(Running<K>),
    Done,
}

impl<K: Kind, F, J> Run<K, F, J> {
    pub(super) fn new(call: Call<K>, future: F, judge: J) -> Self {
        Self {
            future,
            stage: Stage::Waiting(call),
            judge: Some(judge),
        }
    }
}

impl<K, F, J> Future for Run<K, F, J>
where
    K: Kind,
    F: Future,
    J: FnOnce(&F::Output) -> Verdict,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut running = match std::mem::replace(this.stage, Stage::Done) {
            Stage::Waiting(call) => call.start(),
            Stage::Running(running) => running,
            // polled after its end: what that does is the future's to say
            Stage::Done => return this.future.poll(context),
        };
        let polled = running.step(|| this.future.poll(context));
        match (&polled, this.judge.take()) {
            (Poll::Ready(result), Some(judge)) => running.end(judge(result)),
            (_, judge) => {
                *this.judge = judge;
                *this.stage = Stage::Running(running);
            }
        }
        polled
    }
}

impl<K: Kind, F, J> fmt::Debug for Run<K, F, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}
