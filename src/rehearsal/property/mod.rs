//! The engine in every weather: whatever goes wrong, `up` ends with the verdict that CloudFormation's last word means,
//! executes a change set at most once, and leaves nothing behind that is not in use.
//!
//! `REHEARSALS` says how many cases there are, `REHEARSAL_SEED` from which seed they come, `REHEARSAL_SPEED` how many times as
//! fast as AWS they go.

mod lots;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use dlt_model::id::Region;
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed, TestRunner},
};
use tokio::sync::watch;

use self::lots::{Case, KINDS, Scene, Sketch, case};
use super::{
    faults::{Faults, Weather},
    stage::Stage,
    world::{Execution, FOREIGN_TOKEN, Goal, SHORT_PAGE, Tempo, World},
};
use crate::{
    cloud::Cloud,
    deploy::{
        consent::{Consent, Demand},
        engine::{self, Surroundings},
        event::{Event, Observer, StackRef},
        follow::Wish,
        plan::{Plan, Wanted, decide},
        stacks,
        survey::Survey,
    },
    exit::Exit,
    failure::Failure,
    release::{Console, Functions, Origin, Release, Upload, WorkerSource},
    render::Part,
};

/// Into how many parts the cases are dealt. Each has a seed of its own, counted on from the first, and a thread of its own.
const PARTS: u32 = 2;
/// How many cases there are unless `REHEARSALS` says otherwise.
const CASES: u32 = 1_000;
/// Where they come from unless `REHEARSAL_SEED` says otherwise.
const SEED: u64 = 20_261_122;
/// When every case begins, in milliseconds since 1970: an odd second, for no reason.
const BEGAN_MS: i64 = 1_795_000_001_000;
/// How long before that what is there was made.
const AGO_MS: i64 = 86_400_000;
/// Longer than any operation takes: no case may need it.
const DEADLINE: Duration = Duration::from_secs(6 * 3600);
/// How much faster than AWS: the faster, the fewer times the engine looks, and the more a case shows in a second of ours.
const SPEED: f64 = 5.0;
/// The regions of a case.
const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];
/// The stacks of a case.
const STACKS: [(Part, &str, &str); 3] = [
    (Part::Foundation, "shop-foundation", REGIONS[0]),
    (Part::Main, "shop", REGIONS[0]),
    (Part::Regional, "shop-regional", REGIONS[1]),
];
fn template(sketches: &[Sketch]) -> String {
    let resource = |(number, (kind, value)): (usize, &Sketch)| {
        let (kind, property) = KINDS[*kind];
        let needs = if number == 2 { ", DependsOn: R0" } else { "" };
        format!("  R{number}: {{ Type: {kind}, Properties: {{ {property}: v{value} }}{needs} }}\n")
    };
    let resources: String = sketches.iter().enumerate().map(resource).collect();
    format!("Resources:\n{resources}Outputs:\n  First: {{ Value: !Ref R0 }}\n")
}

fn wanted(scene: &Scene, (part, name, region): (Part, &str, &str)) -> Wanted {
    Wanted {
        stack: StackRef { name: name.to_owned(), region: region.parse().unwrap() },
        part,
        template: template(&scene.after),
        parameters: BTreeMap::new(),
        tags: BTreeMap::new(),
        protection: false,
    }
}

/// The stacks of a case: a foundation only when there are three, since it holds the others up.
fn stacks_of(case: &Case) -> Vec<(Scene, (Part, &'static str, &'static str))> {
    let places = if case.scenes.len() == 3 { &STACKS[..] } else { &STACKS[1..] };
    case.scenes.iter().cloned().zip(places.iter().copied()).collect()
}

fn world_of(case: &Case) -> World {
    let mut world = World::new("123456789012", case.faults.clone(), Tempo::new(setting("REHEARSAL_SPEED", SPEED)));
    world.page = SHORT_PAGE;
    world.roles.insert("AWSServiceRoleForECS".to_owned());
    let goal = |sketches: &[Sketch]| {
        let capabilities = ["CAPABILITY_NAMED_IAM".to_owned()];
        Goal::read(&template(sketches), &BTreeMap::new(), BTreeMap::new(), &capabilities).unwrap()
    };
    for (scene, (_, name, region)) in stacks_of(case) {
        let region: Region = region.parse().unwrap();
        if scene.remains {
            world.review(BEGAN_MS - AGO_MS, &region, name);
        } else if !scene.before.is_empty() {
            world.found(BEGAN_MS - AGO_MS, &region, name, goal(&scene.before));
        }
    }
    world
}

/// How a case ended.
struct Told {
    result: Result<BTreeMap<String, String>, Failure>,
    events: Vec<Event>,
    planned: Vec<StackRef>,
    stage: Stage,
}

/// Where cases are played, one after the other. What every case needs is made once.
struct House {
    stage: Stage,
    cloud: Cloud,
    release: Release,
}

impl House {
    fn open() -> Self {
        let regions: Vec<Region> = REGIONS.iter().map(|region| region.parse().unwrap()).collect();
        let empty = World::new("123456789012", Faults::default(), Tempo::new(setting("REHEARSAL_SPEED", SPEED)));
        let stage = Stage::new(empty, Weather::default(), BEGAN_MS);
        let cloud = Cloud::of_rehearsal(&stage.config(&regions[0], "http://rehearsal.invalid"), &regions);
        Self { stage, cloud, release: release() }
    }
}

async fn play(house: &House, case: &Case) -> Told {
    let (stage, cloud) = (&house.stage, house.cloud.renewed());
    stage.begin(world_of(case), BEGAN_MS);
    let survey = survey(&cloud, case).await;
    stage.turn(case.weather.clone());
    let planned = survey.plan.stacks.iter().filter(|plan| plan.action != crate::deploy::plan::Action::Nothing);
    let planned = planned.map(|plan| plan.stack.clone()).collect();
    let (observer, mut receiver) = Observer::channel();
    let (wish, wishes) = watch::channel(Wish::Continue);
    if let Some((at_ms, cancels)) = case.wish {
        let wanted = if cancels { Wish::Cancel } else { Wish::Detach };
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(at_ms)).await;
            wish.send_replace(wanted);
            std::future::pending::<()>().await;
        });
    }
    let around = Surroundings { cloud: &cloud, observer: &observer, wishes, in_flight: Arc::new(AtomicUsize::new(0)) };
    let agrees = case.agrees;
    let ask = async |demand: Demand| match demand {
        Demand::Names(names) if agrees => Ok(Consent { yes: false, losses: names.into_iter().collect() }),
        _ => Err(Failure::new(Exit::Guarded, "not agreed to")),
    };
    let consent = Consent { yes: true, ..Consent::default() };
    let work = Box::pin(engine::up(&around, survey, &house.release, consent, &ask));
    let result = tokio::time::timeout(DEADLINE, work).await.expect("every case ends");
    drop(observer);
    let mut events = Vec::new();
    while let Ok(event) = receiver.try_recv() {
        events.push(event);
    }
    Told { result, events, planned, stage: stage.clone() }
}

async fn survey(cloud: &Cloud, case: &Case) -> Survey {
    let (mut all, mut live) = (Vec::new(), Vec::new());
    for (scene, place) in stacks_of(case) {
        let wanted = wanted(&scene, place);
        let client = &cloud.at(&wanted.stack.region).cloudformation;
        live.push(stacks::facts(client, &wanted.stack.name).await.unwrap());
        all.push(wanted);
    }
    let plans = all.iter().zip(&live).map(|(wanted, live)| decide(wanted, live)).collect();
    let plan = Plan { stack: "shop".to_owned(), account: "123456789012".to_owned(), stacks: plans, assets: Vec::new() };
    let upload = |region: &&str| Upload {
        region: region.parse().unwrap(),
        bucket: format!("shop-artifacts-{region}"),
        repository: "shop/worker".to_owned(),
        has_functions: true,
        image_digest: None,
        has_console: true,
    };
    Survey { plan, wanted: all, live, uploads: REGIONS.iter().map(upload).collect(), image: None }
}

fn release() -> Release {
    Release {
        functions: Functions::new(Vec::new()),
        worker: WorkerSource::new(Vec::new(), Vec::new()).expect("nothing in it does not fit"),
        console: Console::built_in(),
        origin: Origin::Parts,
    }
}

/// What the last words of CloudFormation mean for the exit code; nothing when some stack was never begun.
fn last_word(told: &Told) -> Option<Result<(), Exit>> {
    let world = told.stage.world();
    let ours = |stack: &&super::world::Stack| {
        let token = |token: &str| token.starts_with("dlt-") && token != "dlt-cancel";
        world.begun.iter().any(|begun| begun.stack_id == stack.id && begun.token.as_deref().is_some_and(token))
    };
    let ended: Vec<_> = world.stacks().iter().filter(ours).collect();
    if ended.iter().any(|stack| stack.status().ends_with("_FAILED")) {
        return Some(Err(Exit::NeedsRecovery));
    }
    let good = ["CREATE_COMPLETE", "UPDATE_COMPLETE"];
    if ended.iter().any(|stack| !good.contains(&stack.status())) {
        return Some(Err(Exit::RolledBack));
    }
    (ended.len() == told.planned.len()).then_some(Ok(()))
}

fn judge(case: &Case, told: &Told) -> Result<(), TestCaseError> {
    let exit = told.result.as_ref().map(drop).map_err(|failure| failure.exit);
    let said = Said(told);
    let detached = exit == Err(Exit::Interrupted);
    prop_assert!(!detached || case.wish.is_some_and(|(_, cancels)| !cancels), "nobody left: {said}");
    let running = told
        .stage
        .world()
        .stacks()
        .iter()
        .any(|it| it.running().is_some_and(|(_, token)| token != Some(FOREIGN_TOKEN)));
    prop_assert!(!running || detached || case.wish.is_some_and(|(_, cancels)| !cancels), "it did not wait: {said}");
    // Who leaves does not wait for the last word.
    if !detached && !running {
        match last_word(told) {
            Some(word) => prop_assert_eq!(exit, word, "{}", said),
            // Stacks whose change sets are empty are as they should be.
            None if exit.is_ok() => prop_assert!(case.faults.empty_change_sets, "nothing was begun: {said}"),
            None => prop_assert!(
                matches!(exit, Err(Exit::Refused | Exit::Guarded | Exit::Invalid | Exit::Held)),
                "{exit:?}: {said}"
            ),
        }
    }
    let world = told.stage.world();
    let mut operations = BTreeSet::new();
    for begun in &world.begun {
        prop_assert!(operations.insert((&begun.stack_id, &begun.token)), "twice: {begun:?}");
    }
    let remains: BTreeSet<&str> =
        stacks_of(case).into_iter().filter(|(scene, _)| scene.remains).map(|(_, (_, name, _))| name).collect();
    for stack in world.stacks() {
        let (name, status) = (&stack.name, stack.status());
        // What somebody else left may stay as it is.
        prop_assert!(status != "REVIEW_IN_PROGRESS" || remains.contains(name.as_str()), "left: {name}");
        let idle = stack.change_sets.iter().find(|set| set.execution != Execution::Executed);
        prop_assert!(idle.is_none(), "left: {:?} of {name}", idle.map(|set| &set.name));
        let last = world.begun.iter().rfind(|it| it.stack_id == stack.id);
        let theirs = last.is_some_and(|it| it.token.as_deref() == Some(FOREIGN_TOKEN));
        prop_assert!(
            !theirs || !status.contains("ROLLBACK") && !status.contains("DELETE"),
            "disturbed: {name} {status}"
        );
    }
    drop(world);
    outputs_and_causes(case, told)
}

/// Everything that was said, for a case that fails.
struct Said<'a>(&'a Told);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let world = self.0.stage.world();
        let stacks = world.stacks().iter().map(|stack| (&stack.name, &stack.events, &stack.change_sets));
        write!(f, "{:?}\n{:#?}\n{:#?}", self.0.result, self.0.events, stacks.collect::<Vec<_>>())
    }
}

/// The outputs are those of the finished stack, and a failed one names a resource that failed and not an echo.
fn outputs_and_causes(case: &Case, told: &Told) -> Result<(), TestCaseError> {
    let cancelled = case.wish.is_some_and(|(_, cancels)| cancels);
    let world = told.stage.world();
    let region: Region = REGIONS[0].parse().unwrap();
    if let (Ok(outputs), Some(main)) = (&told.result, world.stack(&region, "shop")) {
        prop_assert_eq!(outputs, &main.facts().outputs);
    }
    for event in &told.events {
        if let Event::Ended { stack, cause: Some(cause), status, .. } = event {
            let echo = cause.reason.contains("cancelled") && cause.logical_id.starts_with('R');
            prop_assert!(!echo || cancelled, "an echo as the cause of {stack} {status}: {case:#?}");
        }
    }
    Ok(())
}

fn setting<T: std::str::FromStr>(name: &str, usual: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Plays cases that come from a seed, and says which of them went wrong and how.
fn rehearse(cases: u32, seed: u64) -> Result<(), String> {
    let config = Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..Config::default()
    };
    let house = House::open();
    let played = TestRunner::new(config).run(&case(), |case| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let told = play(&house, &case).await;
            judge(&case, &told)
        })
    });
    played.map_err(|error| format!("seed {seed}: {error}"))
}

#[test]
fn in_any_weather_the_verdict_is_cloudformations_nothing_runs_twice_and_nothing_is_left() {
    let (cases, seed) = (setting("REHEARSALS", CASES), setting("REHEARSAL_SEED", SEED));
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let part = |number| scope.spawn(move || rehearse(cases.div_ceil(PARTS), seed + u64::from(number)));
        let parts: Vec<_> = (0..PARTS).map(part).collect();
        parts.into_iter().filter_map(|part| part.join().expect("what goes wrong is told").err()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
