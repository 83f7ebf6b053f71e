//! What must be true of a case that was played, whatever the weather was.

use std::{collections::BTreeSet, fmt};

use proptest::prelude::*;

use super::{
    house::{BEGAN_MS, Told, stacks_of},
    lots::Case,
};
use crate::{
    deploy::event::Event,
    exit::Exit,
    rehearsal::world::{Execution, FOREIGN_TOKEN, Stack, StackEvent},
};

type Judged = Result<(), TestCaseError>;

/// Judges a case.
pub fn judge(case: &Case, told: &Told) -> Judged {
    verdict(case, told)?;
    at_most_once(told)?;
    nothing_left(case, told)?;
    nobody_disturbed(told)?;
    losses_shown(told)?;
    outputs(told)?;
    causes(case, told)
}

/// What CloudFormation said about our operation on a stack, last things first.
fn own_events(stack: &Stack) -> impl Iterator<Item = &StackEvent> {
    let is_ours = |event: &&StackEvent| event.token.as_deref().is_some_and(|token| token.starts_with("dlt-"));
    stack.events.iter().rev().filter(|event| event.physical_id == stack.id).filter(is_ours)
}

/// The exit code is what the last words mean about everything that was watched to its end. Only who wants to leave may
/// leave something unwatched, and then hears that it goes on unless there is worse to say.
fn verdict(case: &Case, told: &Told) -> Judged {
    let (exit, said) = (told.result.as_ref().map(drop).map_err(|failure| failure.exit), Said(told));
    let is_watched = |stack: &Stack| {
        told.events
            .iter()
            .any(|event| matches!(event, Event::Ended { stack: it, .. } if stack.is(&it.region, &it.name)))
    };
    let begun = told.world.stacks().iter().filter_map(|stack| Some((stack, own_events(stack).next()?.status)));
    let (watched, left): (Vec<_>, Vec<_>) = begun.partition(|(stack, _)| is_watched(stack));
    prop_assert!(left.is_empty() || case.leaves(), "it did not wait: {said}");
    let words: Vec<&str> = watched.into_iter().map(|(_, word)| word).collect();
    prop_assert!(words.iter().all(|word| !word.ends_with("_IN_PROGRESS")), "it went too early: {said}");
    let is_good = |word: &&str| ["CREATE_COMPLETE", "UPDATE_COMPLETE"].contains(word);
    if words.iter().any(|word| word.ends_with("_FAILED")) {
        prop_assert_eq!(exit, Err(Exit::NeedsRecovery), "{}", said);
    } else if !words.iter().all(is_good) {
        prop_assert_eq!(exit, Err(Exit::RolledBack), "{}", said);
    } else if !left.is_empty() {
        prop_assert_eq!(exit, Err(Exit::Interrupted), "{}", said);
    } else if words.len() == told.planned.len() {
        prop_assert_eq!(exit, Ok(()), "{}", said);
    } else if exit.is_ok() {
        // Stacks whose change sets are empty are as they should be.
        prop_assert!(case.faults.empty_change_sets, "not everything was begun: {said}");
    } else {
        let is_refusal = matches!(exit, Err(Exit::Refused | Exit::Guarded | Exit::Invalid | Exit::Held));
        prop_assert!(is_refusal, "{exit:?}: {said}");
    }
    Ok(())
}

/// No operation is begun twice.
fn at_most_once(told: &Told) -> Judged {
    let mut operations = BTreeSet::new();
    for begun in &told.world.begun {
        prop_assert!(operations.insert((&begun.stack_id, &begun.token)), "twice: {begun:?}");
    }
    Ok(())
}

/// No stack without resources stays and no change set that will not be executed. What somebody else left may stay.
fn nothing_left(case: &Case, told: &Told) -> Judged {
    let remains: BTreeSet<&str> =
        stacks_of(case).into_iter().filter(|(scene, _)| scene.remains).map(|(_, (_, name, _))| name).collect();
    for stack in told.world.stacks() {
        let is_empty = stack.status() == "REVIEW_IN_PROGRESS" && !remains.contains(stack.name.as_str());
        prop_assert!(!is_empty, "left: {}: {}", stack.name, Said(told));
        let idle = stack.change_sets.iter().find(|set| set.execution != Execution::Executed);
        prop_assert!(idle.is_none(), "left: {:?} of {}: {}", idle.map(|set| &set.name), stack.name, Said(told));
    }
    Ok(())
}

/// What somebody else began goes on as if we were not there.
fn nobody_disturbed(told: &Told) -> Judged {
    let world = &told.world;
    for stack in world.stacks() {
        let (name, status) = (&stack.name, stack.status());
        let last = world.begun.iter().rfind(|it| it.stack_id == stack.id);
        let theirs = last.is_some_and(|it| it.token.as_deref() == Some(FOREIGN_TOKEN));
        let disturbed = theirs && (status.contains("ROLLBACK") || status.contains("DELETE"));
        prop_assert!(!disturbed, "disturbed: {name} {status}");
    }
    Ok(())
}

/// Nobody is asked to agree to a loss without having been shown what is at stake.
fn losses_shown(told: &Told) -> Judged {
    let shown = |name: &String| {
        let mut at_stake = told.events.iter().filter_map(|event| match event {
            Event::AtStake { resources, .. } => Some(resources),
            _ => None,
        });
        told.losses.contains(name) || at_stake.any(|resources| resources.iter().any(|it| it.logical_id == *name))
    };
    let hidden = told.asked.iter().find(|name| !shown(name));
    prop_assert!(hidden.is_none(), "asked for {hidden:?} out of the blue: {}", Said(told));
    Ok(())
}

/// The outputs are those with which our operation ended, or with which there was nothing to do; what somebody else has made
/// of them since may be told as well.
fn outputs(told: &Told) -> Judged {
    let main = told.world.stacks().iter().rfind(|stack| stack.name == "shop" && stack.is_there());
    if let (Ok(outputs), Some(main)) = (&told.result, main) {
        let then = own_events(main).next().map_or(BEGAN_MS, |event| event.at_ms);
        let facts = [main.facts_at(then), Some(main.facts())];
        let known = facts.into_iter().flatten().any(|facts| facts.outputs == *outputs);
        prop_assert!(known, "other outputs: {}", Said(told));
    }
    Ok(())
}

/// A failure names a resource that failed and not an echo.
fn causes(case: &Case, told: &Told) -> Judged {
    for event in &told.events {
        if let Event::Ended { stack, cause: Some(cause), status, .. } = event {
            let echo = cause.reason.contains("cancelled") && cause.logical_id.starts_with('R');
            prop_assert!(!echo, "an echo as the cause of {stack} {status}: {case:#?}");
        }
    }
    Ok(())
}

/// Everything that was said, for a case that fails.
struct Said<'a>(&'a Told);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told { result, events, world, .. } = self.0;
        let stacks = world.stacks().iter().map(|stack| (&stack.name, &stack.events, &stack.change_sets));
        write!(f, "{result:?}\n{events:#?}\n{:#?}", stacks.collect::<Vec<_>>())
    }
}
