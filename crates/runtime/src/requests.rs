//! What other threads ask of calls that are under way: to end, or to be watched.
//!
//! Code that may be asked tests a word and goes on if it is 0, so asking is what costs. The word is a hint: whoever
//! finds it set asks here what is wanted of him.
#![allow(unsafe_code, reason = "writes a word that running code reads")]

use crate::fork::{ObjectGuard, ObjectMutex};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};

/// What is asked of the calls of one program, and which calls those are.
#[derive(Debug)]
pub struct Requests {
    state: ObjectMutex<State>,
    /// Whether anything is asked, for code that has no word of its own to look at.
    asked: AtomicBool,
}

#[derive(Debug)]
struct State {
    /// The calls that begin now.
    round: Arc<Round>,
    /// How many interrupted rounds have calls under way.
    interrupted: usize,
    /// How many watchers there are.
    watchers: usize,
    /// The word that compiled code tests.
    word: Option<Word>,
}

/// The calls of a program that began between two interruptions. Each holds its round until it ends: when an
/// interrupted round is dropped, the last of them has ended, and the request is over.
#[derive(Debug)]
pub struct Round {
    interrupted: AtomicBool,
    requests: Weak<Requests>,
}

/// A word in the data of an image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word(*const AtomicU32);

// SAFETY: it is an atomic word, and reached through the lock of `Requests` only, which lets go of it when the image does.
unsafe impl Send for Word {}

impl Word {
    /// A word that running code loads from.
    ///
    /// # Safety
    /// It is 4 aligned bytes, accessed by atomic stores and by loads of running code only, until [`Requests::unbind`].
    pub(crate) unsafe fn at(address: usize) -> Word {
        Word(address as *const AtomicU32)
    }

    fn set(self, asked: bool) {
        // SAFETY: the promise of `at`.
        let word = unsafe { &*self.0 };
        word.store(u32::from(asked), Ordering::SeqCst);
    }
}

impl Requests {
    /// Nothing is asked yet.
    #[allow(clippy::new_ret_no_self, reason = "rounds refer to it, so it is shared from the start")]
    pub fn new() -> Arc<Requests> {
        Arc::new_cyclic(|this| Requests {
            state: ObjectMutex::new(State {
                round: Round::new(this.clone()),
                interrupted: 0,
                watchers: 0,
                word: None,
            }),
            asked: AtomicBool::new(false),
        })
    }

    /// Lets compiled code know by a word, until [`Self::unbind`].
    pub(crate) fn bind(&self, word: Word) {
        let mut state = self.lock();
        state.word = Some(word);
        self.tell(&state);
    }

    /// Forgets the word.
    pub(crate) fn unbind(&self) {
        self.lock().word = None;
    }

    /// A call begins: gives the round that it holds until it has ended.
    pub fn begin(&self) -> Arc<Round> {
        self.lock().round.clone()
    }

    /// Asks all calls that have begun and not ended to end. The request is over when they have.
    pub fn interrupt(&self) {
        let round = {
            let mut state = self.lock();
            let next = Round::new(state.round.requests.clone());
            let round = std::mem::replace(&mut state.round, next);
            round.interrupted.store(true, Ordering::SeqCst);
            state.interrupted += 1;
            self.tell(&state);
            round
        };
        // Without the lock: if no call holds it, it ends here, and takes the lock to say so.
        drop(round);
    }

    /// One watcher more.
    pub fn add_watcher(&self) {
        let mut state = self.lock();
        state.watchers += 1;
        self.tell(&state);
    }

    /// One watcher less.
    pub fn remove_watcher(&self) {
        let mut state = self.lock();
        state.watchers -= 1;
        self.tell(&state);
    }

    /// Whether anything is asked of anybody.
    #[inline]
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    fn tell(&self, state: &State) {
        let asked = state.interrupted > 0 || state.watchers > 0;
        self.asked.store(asked, Ordering::SeqCst);
        if let Some(word) = state.word {
            word.set(asked);
        }
    }

    fn lock(&self) -> ObjectGuard<'_, State> {
        self.state.lock()
    }
}

impl Round {
    fn new(requests: Weak<Requests>) -> Arc<Round> {
        Arc::new(Round { interrupted: AtomicBool::new(false), requests })
    }

    /// Whether its calls are asked to end.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst)
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        if self.is_interrupted()
            && let Some(requests) = self.requests.upgrade()
        {
            let mut state = requests.lock();
            state.interrupted -= 1;
            requests.tell(&state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interruption_covers_the_calls_under_way_and_is_over_when_they_have_ended() {
        let requests = Requests::new();
        let (first, second) = (requests.begin(), requests.begin());
        requests.interrupt();
        let third = requests.begin();
        assert!(first.is_interrupted() && second.is_interrupted() && !third.is_interrupted());
        drop(first);
        assert!(requests.asked());
        drop(second);
        assert!(!requests.asked());
        assert!(!third.is_interrupted());
    }

    #[test]
    fn an_interruption_of_nobody_is_over_at_once() {
        let requests = Requests::new();
        requests.interrupt();
        assert!(!requests.asked());
        let call = requests.begin();
        requests.interrupt();
        requests.interrupt();
        assert!(call.is_interrupted() && requests.asked());
        drop(call);
        assert!(!requests.asked());
    }

    #[test]
    fn watchers_and_interruptions_do_not_end_each_other() {
        let requests = Requests::new();
        let call = requests.begin();
        requests.add_watcher();
        requests.interrupt();
        drop(call);
        assert!(requests.asked());
        requests.remove_watcher();
        assert!(!requests.asked());
    }
}
