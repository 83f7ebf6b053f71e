//! What a person sees of a command, as a strip of pictures, in an account that is not there: for tests that keep screens.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use dlt_model::id::Region;
use tokio::sync::watch;

use super::{
    faults::{Faults, Mishap, Weather, When},
    stage::Stage,
    world::{Goal, Request, Tempo, World},
};
use crate::{
    cloud::Cloud,
    config::{Config, Layers},
    deploy::{engine::Surroundings, event::Observer, follow::Wish, screen::Screen},
    failure::Failure,
    text::Paint,
};

const BEGAN_MS: i64 = 1_795_000_000_000;
/// How long before that what is there was made, the change set was made, and it was executed.
const AGO_MS: [i64; 3] = [86_400_000, 20_000, 6_000];
/// How often a picture of what moves is taken.
const EVERY: Duration = Duration::from_secs(10);
const COLUMNS: usize = 80;
const BEFORE: &str = "Resources:
  Table: { Type: AWS::DynamoDB::Table, Properties: { BillingMode: PROVISIONED } }
  Queue: { Type: AWS::SQS::Queue, Properties: { DelaySeconds: 1 } }
";
const AFTER: &str = "Resources:
  Table: { Type: AWS::DynamoDB::Table, Properties: { BillingMode: PAY_PER_REQUEST } }
  Queue: { Type: AWS::SQS::Queue, Properties: { DelaySeconds: 2 }, DependsOn: Table }
  Bucket: { Type: AWS::S3::Bucket }
";

/// The environment of the film, in one region.
pub fn environment() -> Config {
    let text = "stack: shop\nregion: us-east-1\nadmin: {name: admin, email: a@example.com}\n";
    Config::read(text, &Layers::default()).expect("the text above is an environment")
}

/// An account in which the environment is, seen through AWS's own clients.
pub struct Scenery {
    stage: Stage,
    cloud: Cloud,
}

impl Scenery {
    /// Everything is done.
    pub fn at_rest() -> Self {
        Self::of(|world, region| world.found(BEGAN_MS - AGO_MS[0], region, "shop", goal(BEFORE)), None)
    }

    /// Another command has begun an update a few seconds ago; perhaps a resource fails.
    pub fn where_an_update_goes_on(fails: Option<&str>) -> Self {
        let begin = |world: &mut World, region: &Region| {
            world.found(BEGAN_MS - AGO_MS[0], region, "shop", goal(BEFORE));
            execute(world, region, false);
        };
        Self::of(begin, fails)
    }

    /// Another command has begun to make the stack a few seconds ago.
    pub fn where_a_stack_is_made() -> Self {
        Self::of(|world, region| execute(world, region, true), None)
    }

    fn of(begin: impl FnOnce(&mut World, &Region), fails: Option<&str>) -> Self {
        let region: Region = "us-east-1".parse().expect("a region");
        let mishap = |name: &str| Mishap {
            logical_id: name.to_owned(),
            when: When::Update,
            reason: "The delay is longer than the queue allows".to_owned(),
        };
        let faults = Faults { mishaps: fails.map(mishap).into_iter().collect(), ..Faults::default() };
        let mut world = World::new("123456789012", faults, Tempo::new(1.0));
        begin(&mut world, &region);
        let stage = Stage::new(world, Weather::default(), BEGAN_MS);
        let cloud = Cloud::of_rehearsal(&stage.config(&region, "http://rehearsal.invalid"), &[region]);
        Self { stage, cloud }
    }

    /// Everything that the work shows on a terminal of 80 columns: what remains, and every ten seconds what moves.
    pub async fn film(self, work: impl AsyncFnOnce(&Surroundings<'_>) -> Result<(), Failure>) -> String {
        let (observer, mut events) = Observer::channel();
        let (_wish, wishes) = watch::channel(Wish::Continue);
        let cloud = &self.cloud;
        let work = async move {
            let in_flight = Arc::new(AtomicUsize::new(0));
            work(&Surroundings { cloud, observer: &observer, wishes, in_flight }).await
        };
        let camera = async {
            let (mut screen, mut pictures) = (Screen::default(), Vec::new());
            let mut ticks = tokio::time::interval(EVERY);
            loop {
                tokio::select! {
                    biased;
                    event = events.recv() => {
                        let (Some(event), now_ms) = (event, self.stage.now_ms()) else { return pictures };
                        screen.take(&event, now_ms);
                        pictures.extend(screen.line(&event, now_ms, Paint::Plain));
                    }
                    _ = ticks.tick() => {
                        let drawn = screen.draw(self.stage.now_ms(), COLUMNS, Paint::Plain);
                        // The rail alone is no picture.
                        if drawn.len() > 1 {
                            pictures.extend(drawn.into_iter().map(|line| format!("  │ {line}")));
                        }
                    }
                }
            }
        };
        let (mut pictures, result) = tokio::join!(camera, work);
        pictures.extend(result.err().map(|failure| format!("{failure}\nexit code {}", failure.exit as u8)));
        pictures.join("\n")
    }
}

fn goal(template: &str) -> Goal {
    Goal::read(template, &BTreeMap::new(), BTreeMap::new(), &[]).expect("the templates above are templates")
}

fn execute(world: &mut World, region: &Region, creates: bool) {
    let request = Request {
        stack: "shop".to_owned(),
        name: "dlt-of-ann".to_owned(),
        template: AFTER.to_owned(),
        creates,
        ..Request::default()
    };
    world.create_change_set(BEGAN_MS - AGO_MS[1], region, request).expect("nothing is in its way");
    let (at_ms, token) = (BEGAN_MS - AGO_MS[2], Some("dlt-of-ann".to_owned()));
    world.execute_change_set(at_ms, region, Some("shop"), "dlt-of-ann", token).expect("it is complete");
}
