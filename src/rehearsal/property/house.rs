//! Where cases are played: a world, AWS's own clients, and the engine between them.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use dlt_model::id::Region;
use tokio::sync::watch;

use super::{
    lots::{Case, KINDS, Scene, Sketch},
    setting,
};
use crate::{
    cloud::Cloud,
    deploy::{
        consent::{Consent, Demand},
        engine::{self, Surroundings},
        event::{Event, Observer, StackRef},
        follow::Wish,
        plan::{Action, Plan, Wanted, decide},
        stacks,
        survey::Survey,
    },
    exit::Exit,
    failure::Failure,
    rehearsal::{
        faults::{Faults, Weather},
        stage::Stage,
        world::{Goal, SHORT_PAGE, Tempo, World},
    },
    release::{Console, Functions, Origin, Release, Upload, WorkerSource},
    render::Part,
};

/// When every case begins, in milliseconds since 1970: an odd second, for no reason.
pub const BEGAN_MS: i64 = 1_795_000_001_000;
/// How long before that what is there was made.
const AGO_MS: i64 = 86_400_000;
/// Longer than any operation takes: no case may need it.
const DEADLINE: Duration = Duration::from_secs(6 * 3600);
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
pub fn stacks_of(case: &Case) -> Vec<(Scene, (Part, &'static str, &'static str))> {
    let places = if case.scenes.len() == 3 { &STACKS[..] } else { &STACKS[1..] };
    case.scenes.iter().cloned().zip(places.iter().copied()).collect()
}

fn world_of(case: &Case) -> World {
    let mut world = World::new("123456789012", case.faults.clone(), Tempo::new(setting("REHEARSAL_SPEED", case.speed)));
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
pub struct Told {
    pub result: Result<BTreeMap<String, String>, Failure>,
    /// What was told meanwhile.
    pub events: Vec<Event>,
    /// The stacks that had something to do.
    pub planned: Vec<StackRef>,
    /// What was asked for by name.
    pub asked: BTreeSet<String>,
    /// What the plan would lose.
    pub losses: BTreeSet<String>,
    /// What there was in the end.
    pub world: World,
}

/// Where cases are played, one after the other. What every case needs is made once.
pub struct House {
    stage: Stage,
    cloud: Cloud,
    release: Release,
}

impl House {
    pub fn open() -> Self {
        let regions: Vec<Region> = REGIONS.iter().map(|region| region.parse().unwrap()).collect();
        let empty = World::new("123456789012", Faults::default(), Tempo::new(1.0));
        let stage = Stage::new(empty, Weather::default(), BEGAN_MS);
        let cloud = Cloud::of_rehearsal(&stage.config(&regions[0], "http://rehearsal.invalid"), &regions);
        Self { stage, cloud, release: release() }
    }
}

/// Plays a case to its end.
pub async fn play(house: &House, case: &Case) -> Told {
    let (stage, cloud) = (&house.stage, house.cloud.renewed());
    stage.begin(world_of(case), BEGAN_MS);
    let survey = survey(&cloud, case).await;
    stage.turn(case.weather.clone());
    let planned = survey.plan.stacks.iter().filter(|plan| plan.action != Action::Nothing);
    let planned = planned.map(|plan| plan.stack.clone()).collect();
    let losses = survey.plan.losses().into_iter().map(|(_, resource)| resource.logical_id.clone()).collect();
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
    let asked = RefCell::new(BTreeSet::new());
    let ask = async |demand: Demand| match demand {
        Demand::Names(names) => {
            asked.borrow_mut().extend(names.iter().cloned());
            let no = || Failure::new(Exit::Guarded, "not agreed to");
            agrees.then(|| Consent { yes: false, losses: names.into_iter().collect() }).ok_or_else(no)
        }
        Demand::Nothing | Demand::Confirm => Err(Failure::new(Exit::Guarded, "not agreed to")),
    };
    let consent = Consent { yes: true, ..Consent::default() };
    let work = Box::pin(engine::up(&around, survey, &house.release, consent, &ask));
    let result = tokio::time::timeout(DEADLINE, work).await.expect("every case ends");
    drop(observer);
    let mut events = Vec::new();
    while let Ok(event) = receiver.try_recv() {
        events.push(event);
    }
    let world = stage.world().clone();
    Told { result, events, planned, asked: asked.into_inner(), losses, world }
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
        has_manifest: true,
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
