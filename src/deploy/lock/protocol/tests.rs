//! Every order in which the calls of two can arrive, and many of those of four.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use super::*;

/// When all of this happens.
const NOW_MS: i64 = 1_790_000_000_000;
/// How many orders of more than two are played.
const ORDERS: u64 = 20_000;

/// A log in memory. Each call waits for its turn once, so that who plays decides in which order calls arrive.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<Entry>>>);

/// Waits until it is polled again.
#[derive(Default)]
struct Turn {
    came: bool,
}

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<()> {
        if self.came {
            return Poll::Ready(());
        }
        self.came = true;
        Poll::Pending
    }
}

impl Register for Memory {
    async fn create(&self, entry: &Entry) -> Result<bool, CloudError> {
        Turn::default().await;
        let mut log = self.0.lock().unwrap();
        if !log.is_empty() {
            return Ok(false);
        }
        log.push(entry.clone());
        Ok(true)
    }

    async fn append(&self, entry: &Entry) -> Result<(), CloudError> {
        Turn::default().await;
        self.0.lock().unwrap().push(entry.clone());
        Ok(())
    }

    async fn read(&self, version: Option<i64>) -> Result<Option<(i64, Entry)>, CloudError> {
        Turn::default().await;
        let log = self.0.lock().unwrap();
        let version = version.unwrap_or_else(|| i64::try_from(log.len()).unwrap());
        let found = usize::try_from(version - 1).ok().and_then(|index| log.get(index));
        Ok(found.map(|entry| (version, entry.clone())))
    }

    async fn remove(&self) -> Result<(), CloudError> {
        Turn::default().await;
        self.0.lock().unwrap().clear();
        Ok(())
    }
}

/// What somebody believes in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Belief {
    Holds,
    GoesBeside,
    Nothing,
}

type Party = Pin<Box<dyn Future<Output = Belief>>>;

fn holder(token: &str, content: &str, until_ms: i64) -> Holder {
    Holder {
        who: "arn:aws:iam::123456789012:user/eva".to_owned(),
        host: "desk".to_owned(),
        verb: "up".to_owned(),
        content: content.to_owned(),
        token: token.to_owned(),
        since_ms: NOW_MS - 1,
        until_ms,
    }
}

/// The lock that somebody left, and that ran out: as it was put, or after it was renewed.
fn left(renewed: bool) -> Memory {
    let old = holder("old", "old", NOW_MS);
    let mut entries = vec![Entry { holder: old.clone(), after: None }];
    if renewed {
        entries.push(Entry { holder: old, after: Some(Mark { version: 1, token: "old".to_owned() }) });
    }
    Memory(Arc::new(Mutex::new(entries)))
}

fn taker(log: &Memory, token: &'static str, content: &'static str) -> Party {
    let log = log.clone();
    Box::pin(async move {
        match claim(&log, &holder(token, content, 0), || NOW_MS).await.unwrap() {
            Claim::Taken | Claim::TakenOver(_) => Belief::Holds,
            Claim::Beside(_) => Belief::GoesBeside,
            Claim::Refused(_) => Belief::Nothing,
        }
    })
}

/// Whoever left, and comes back when the lock has run out.
fn late_owner(log: &Memory) -> Party {
    let log = log.clone();
    Box::pin(async move {
        let renewed = renew(&log, &holder("old", "old", 0), NOW_MS).await.unwrap();
        if renewed { Belief::Holds } else { Belief::Nothing }
    })
}

/// The same, only to let go.
fn leaver(log: &Memory) -> Party {
    let log = log.clone();
    Box::pin(async move {
        release(&log, "old", || NOW_MS).await.unwrap();
        Belief::Nothing
    })
}

/// Plays one order: of those who still have something to do, whose call arrives next?
fn play(mut parties: Vec<Party>, mut next: impl FnMut(usize) -> usize) -> Vec<Belief> {
    let mut context = Context::from_waker(Waker::noop());
    let mut beliefs = vec![None; parties.len()];
    for (party, belief) in parties.iter_mut().zip(&mut beliefs) {
        // The first call is on its way when it is first polled.
        if let Poll::Ready(over) = party.as_mut().poll(&mut context) {
            *belief = Some(over);
        }
    }
    loop {
        let open: Vec<usize> = (0..parties.len()).filter(|index| beliefs[*index].is_none()).collect();
        if open.is_empty() {
            return beliefs.into_iter().flatten().collect();
        }
        let index = open[next(open.len())];
        if let Poll::Ready(over) = parties[index].as_mut().poll(&mut context) {
            beliefs[index] = Some(over);
        }
    }
}

/// Plays every order, and answers how many there are.
fn every_order(mut story: impl FnMut(&mut dyn FnMut(usize) -> usize)) -> usize {
    let mut path: Vec<(usize, usize)> = Vec::new();
    for played in 1.. {
        let mut step = 0;
        story(&mut |options| {
            if step == path.len() {
                path.push((0, options));
            }
            step += 1;
            path[step - 1].0
        });
        while path.last().is_some_and(|(chosen, options)| chosen + 1 == *options) {
            path.pop();
        }
        match path.last_mut() {
            Some((chosen, _)) => *chosen += 1,
            None => return played,
        }
    }
    unreachable!("the last order ends it")
}

/// Whose the lock is in the end.
fn owner(log: &Memory) -> Option<String> {
    let log = log.clone();
    let looking: Pin<Box<dyn Future<Output = Option<String>>>> =
        Box::pin(async move { super::holder(&log).await.unwrap().map(|holder| holder.token) });
    let (mut looking, mut context) = (looking, Context::from_waker(Waker::noop()));
    loop {
        if let Poll::Ready(owner) = looking.as_mut().poll(&mut context) {
            return owner;
        }
    }
}

/// At most one believes to hold the lock, and whoever does is the one whom everybody else finds.
fn agreed(log: &Memory, names: &[&str], beliefs: &[Belief]) -> usize {
    let holding: Vec<&str> =
        names.iter().zip(beliefs).filter(|(_, belief)| **belief == Belief::Holds).map(|(name, _)| *name).collect();
    assert!(holding.len() <= 1, "{holding:?} hold it at once: {:#?}", log.0.lock().unwrap());
    if let [name] = holding[..] {
        assert_eq!(owner(log).as_deref(), Some(name), "{:#?}", log.0.lock().unwrap());
    }
    holding.len()
}

#[test]
fn of_two_who_take_over_at_once_exactly_one_has_it_in_every_order() {
    for renewed in [false, true] {
        let orders = every_order(|next| {
            let log = left(renewed);
            let beliefs = play(vec![taker(&log, "a", "one"), taker(&log, "b", "two")], next);
            assert_eq!(agreed(&log, &["a", "b"], &beliefs), 1, "{beliefs:?}");
        });
        assert!(orders > 50, "{orders} orders are too few to be all");
    }
}

#[test]
fn of_two_who_want_the_same_one_has_it_and_the_other_goes_beside_in_every_order() {
    every_order(|next| {
        let log = left(true);
        let beliefs = play(vec![taker(&log, "a", "one"), taker(&log, "b", "one")], next);
        assert_eq!(agreed(&log, &["a", "b"], &beliefs), 1);
        assert!(beliefs.contains(&Belief::GoesBeside), "{beliefs:?}");
    });
}

#[test]
fn of_two_who_find_nothing_exactly_one_has_it_in_every_order() {
    every_order(|next| {
        let log = Memory::default();
        let beliefs = play(vec![taker(&log, "a", "one"), taker(&log, "b", "two")], next);
        assert_eq!(agreed(&log, &["a", "b"], &beliefs), 1, "{beliefs:?}");
    });
}

#[test]
fn an_owner_who_slept_and_one_who_takes_over_never_both_have_it_in_any_order() {
    for renewed in [false, true] {
        every_order(|next| {
            let log = left(renewed);
            let beliefs = play(vec![taker(&log, "a", "one"), late_owner(&log)], next);
            assert_eq!(agreed(&log, &["a", "old"], &beliefs), 1, "{beliefs:?}");
        });
    }
}

#[test]
fn an_owner_who_lets_go_late_deletes_nobody_elses_lock_in_any_order() {
    for renewed in [false, true] {
        every_order(|next| {
            let log = left(renewed);
            let beliefs = play(vec![taker(&log, "a", "one"), leaver(&log)], next);
            // Whoever finds the lock prolonged in order to be deleted is told that it is held: a moment later it is free.
            let holding = agreed(&log, &["a", "old"], &beliefs);
            assert!(holding == 1 || owner(&log).is_none(), "{beliefs:?}");
        });
    }
}

#[test]
fn of_four_who_come_leave_and_come_back_never_two_have_it() {
    // A linear congruential generator: an order is named by its number.
    for order in 0..ORDERS {
        let mut state = order;
        let mut next = |options: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % options
        };
        let log = left(order % 2 == 0);
        let back = if order % 4 < 2 { leaver(&log) } else { late_owner(&log) };
        let parties = vec![taker(&log, "a", "one"), taker(&log, "b", "two"), taker(&log, "c", "three"), back];
        let beliefs = play(parties, &mut next);
        agreed(&log, &["a", "b", "c", "old"], &beliefs);
    }
}

#[test]
fn somebody_who_comes_too_late_is_passed_over_by_everybody_and_the_owner_goes_on() {
    let mark = |version, token: &str| Some(Mark { version, token: token.to_owned() });
    let alive = NOW_MS + 180_000;
    let log = left(false);
    log.0.lock().unwrap().extend([
        Entry { holder: holder("a", "one", alive), after: mark(1, "old") },
        Entry { holder: holder("b", "two", alive), after: mark(1, "old") },
        Entry { holder: holder("c", "three", alive), after: mark(1, "old") },
    ]);
    assert_eq!(owner(&log).as_deref(), Some("a"));
    let log_of_owner = log.clone();
    let renewing: Party = Box::pin(async move {
        let renewed = renew(&log_of_owner, &holder("a", "one", 0), NOW_MS).await.unwrap();
        if renewed { Belief::Holds } else { Belief::Nothing }
    });
    assert_eq!(play(vec![renewing], |_| 0), [Belief::Holds]);
    assert_eq!(play(vec![taker(&log, "b", "two")], |_| 0), [Belief::Nothing]);
}

#[test]
fn somebody_who_slept_through_hundreds_of_renewals_holds_nobody_up() {
    let of = |token: &str, version| Entry {
        holder: holder(token, token, NOW_MS + 180_000),
        after: Some(Mark { version, token: "a".to_owned() }),
    };
    let log = Memory::default();
    let begin = Entry { holder: holder("a", "a", NOW_MS + 180_000), after: None };
    log.0.lock().unwrap().extend(std::iter::once(begin).chain((1..300).map(|version| of("a", version))));
    log.0.lock().unwrap().push(of("b", 1));
    log.0.lock().unwrap().push(Entry { after: Some(Mark::nothing()), ..of("c", 1) });
    assert_eq!(owner(&log).as_deref(), Some("a"));
    assert_eq!(play(vec![taker(&log, "d", "d")], |_| 0), [Belief::Nothing]);
}

#[test]
fn what_came_too_late_for_a_lock_that_was_deleted_holds_nobody_up() {
    let log = Memory::default();
    let late =
        Entry { holder: holder("b", "two", NOW_MS + 1), after: Some(Mark { version: 1, token: "old".to_owned() }) };
    log.0.lock().unwrap().push(late);
    assert_eq!(owner(&log), None);
    assert_eq!(play(vec![taker(&log, "c", "three")], |_| 0), [Belief::Holds]);
}

#[test]
fn an_entry_follows_the_version_that_it_has_seen_and_no_other_of_the_same_number() {
    let log = left(false);
    let other = Mark { version: 1, token: "somebody else".to_owned() };
    log.0.lock().unwrap().push(Entry { holder: holder("a", "one", NOW_MS + 1), after: Some(other) });
    assert_eq!(owner(&log).as_deref(), Some("old"));
}

#[test]
fn a_lock_is_ours_the_same_wish_anothers_or_nobodys_any_more() {
    let there = holder("a", "one", NOW_MS + 120_000);
    let (soon, late) = (NOW_MS + 60_000, NOW_MS + 120_000);
    let down = |mut it: Holder| {
        "down".clone_into(&mut it.verb);
        it
    };
    for (ours, now_ms, expected) in [
        (holder("a", "one", 0), soon, Finding::Ours),
        (holder("a", "one", 0), late, Finding::Ours),
        (holder("b", "one", 0), soon, Finding::Same),
        (holder("b", "two", 0), soon, Finding::Other),
        (down(holder("b", "one", 0)), soon, Finding::Other),
        (holder("b", "one", 0), late, Finding::Expired),
        (holder("b", "two", 0), late, Finding::Expired),
    ] {
        assert_eq!(finding(&there, &ours, now_ms), expected, "{ours:?} {now_ms}");
    }
}

#[test]
fn an_entry_of_an_earlier_program_names_nothing_that_it_follows_and_counts() {
    let text = serde_json::to_string(&holder("a", "one", 1)).unwrap();
    let entry: Entry = serde_json::from_str(&text).unwrap();
    assert_eq!(entry, Entry { holder: holder("a", "one", 1), after: None });
}
