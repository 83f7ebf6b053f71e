//! Which processors the engine's threads are at home on.
//!
//! When there is a thread for every processor, each stays on its own. Left to the scheduler, a round of the benchmark now and
//! then had four tenths of the requests per second: two threads have then changed places, it seems, away from where the
//! kernel works for their connections, and every answer wakes one across. With threads at home no such round was seen.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A processor for each of this many threads; `None` when there are more processors than threads: then the scheduler knows
/// better which of them are free, and workers that share a machine would all choose the first.
pub fn homes(threads: usize) -> Option<Vec<usize>> {
    share_out(&allowed(), threads)
}

/// Keeps the calling thread on a processor. Where that is not allowed it works as well, only less evenly.
pub fn stay_on(processor: usize) {
    let mut home = CpuSet::new();
    home.set(processor);
    let _ = sched_setaffinity(None, &home);
}

/// Those that this process may use; none when the machine has more than can be counted here.
fn allowed() -> Vec<usize> {
    let allowed = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor)).collect()
}

fn share_out(allowed: &[usize], threads: usize) -> Option<Vec<usize>> {
    (threads > 1 && allowed.len() == threads).then(|| allowed.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_per_processor_has_one_of_its_own() {
        assert_eq!(share_out(&[2, 5], 2), Some(vec![2, 5]));
    }

    #[test]
    fn who_leaves_processors_free_may_go_anywhere() {
        assert_eq!(share_out(&[0, 1, 2], 2), None);
        assert_eq!(share_out(&[0, 1, 2], 1), None);
    }

    #[test]
    fn one_processor_needs_no_decision_and_too_many_threads_have_none() {
        assert_eq!(share_out(&[3], 1), None);
        assert_eq!(share_out(&[0, 1], 4), None);
        assert_eq!(share_out(&[], 4), None);
    }

    #[test]
    fn a_thread_stays_where_it_is_told_to() {
        let last = *allowed().last().expect("a test runs on some processor");
        let stayed = std::thread::spawn(move || {
            stay_on(last);
            allowed()
        });
        assert_eq!(stayed.join().expect("the thread ends"), [last]);
    }
}
