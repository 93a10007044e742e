//! Many questions at once.

use std::{
    num::NonZero,
    panic,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Does every task, on as many threads as there are cores, and gives the answers in the order of the tasks. Each thread has a
/// state of its own, for example a [`Worker`](crate::Worker) that it starts when a cache does not know the answer: one worker does
/// one thing at a time.
///
/// # Errors
/// That of the first task in order that failed; tasks that had not begun by then were left out.
pub fn in_parallel<T: Sync, S: Default, R: Send, E: Send>(
    tasks: &[T],
    each: impl Fn(&mut S, &T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let next = AtomicUsize::new(0);
    let take = || {
        let next =
            next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| (next < tasks.len()).then_some(next + 1));
        next.ok()
    };
    let work = || {
        let mut state = S::default();
        let mut answers = Vec::new();
        while let Some(index) = take() {
            let answer = each(&mut state, &tasks[index]);
            if answer.is_err() {
                // Nobody need begin another.
                next.store(tasks.len(), Ordering::Relaxed);
            }
            answers.push((index, answer));
        }
        answers
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(tasks.len());
    let mut answers = thread::scope(|scope| {
        // Where there is no thread to be had, this one does the work.
        let others: Vec<_> =
            (1..threads).filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok()).collect();
        let mut answers = work();
        for other in others {
            // A panic in `each` goes on as it would have without threads.
            answers.extend(other.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked)));
        }
        answers
    });
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn each_task_is_done_once_and_answers_are_in_order() {
        let tasks: Vec<usize> = (0..1000).collect();
        let done = Mutex::new(Vec::new());
        let answers = in_parallel(&tasks, |count: &mut usize, &task| {
            *count += 1;
            done.lock().expect("no panic").push(task);
            Ok::<_, ()>(task * 2)
        });
        assert_eq!(answers, Ok(tasks.iter().map(|task| task * 2).collect()));
        let mut done = done.into_inner().expect("no panic");
        done.sort_unstable();
        assert_eq!(done, tasks);
        assert_eq!(in_parallel(&[], |(): &mut (), ()| Err::<(), _>("asked")), Ok(vec![]));
    }

    #[test]
    fn an_error_ends_the_work() {
        let tasks: Vec<usize> = (0..100_000).collect();
        let begun = AtomicUsize::new(0);
        let answer = in_parallel(&tasks, |(): &mut (), &task| {
            begun.fetch_add(1, Ordering::Relaxed);
            if task >= 3 { Err(task) } else { Ok(()) }
        });
        assert_eq!(answer, Err(3));
        assert!(begun.into_inner() < tasks.len());
    }
}
