//! What can be told of an environment's time and money without asking anybody.

use crate::support::Sandbox;

const FILE: &str =
    "stack: dlt-shop\nregion: eu-west-1\nregions: [us-east-1]\nadmin: {name: admin, email: a@example.com}\n";
const SCENARIO: &str = "name: checkout\nregions: [eu-west-1]\nload: {virtual_users: 10, hold_for: 30m}\nrequests:\n  - url: https://example.com/\n";

fn sandbox() -> Sandbox {
    let mut sandbox = Sandbox::new();
    // Whoever asks AWS all the same does not get far.
    sandbox.variable("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    sandbox.write("stacks/shop.yaml", FILE);
    sandbox
}

#[test]
fn a_bigger_test_costs_more_and_a_month_without_any_stays_the_same() {
    let sandbox = sandbox();
    let cost = |arguments: &[&str]| {
        let cost = sandbox.dlt(&[&["cost", "shop", "--output", "json"], arguments].concat()).with_code(0).json();
        (cost["idle"]["usd"].as_f64().expect("a sum"), cost["test"]["usd"].as_f64().expect("a sum"))
    };
    let (idle, small) = cost(&[]);
    let (idle_too, large) = cost(&["--users", "500000"]);
    assert_eq!(idle, idle_too);
    assert!(large > 10.0 * small, "{large} against {small}");
    assert!(cost(&["--users", "500000", "--duration", "2h"]).1 > 1.9 * large);
    // Two keys, a dashboard, and alarms of two regions.
    assert!((5.0..7.0).contains(&idle), "{idle}");
    let page = sandbox.dlt(&["cost", "shop", "--users", "50000"]).with_code(0).out;
    assert!(page.contains("virtual users for 1h on 5 workers"), "{page}");
    assert!(page.contains("not counted: ") && page.contains("prices as known in 20"), "{page}");
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
}

#[test]
fn a_scenario_says_itself_how_large_it_is() {
    let sandbox = sandbox();
    sandbox.write("checkout.yaml", SCENARIO);
    let cost = sandbox.dlt(&["cost", "shop", "checkout.yaml", "--output", "json"]).with_code(0);
    sandbox.fits("cost", &cost.out);
    let cost = cost.json();
    assert_eq!(
        (cost["test"]["name"].as_str(), cost["test"]["workers"].as_u64()),
        (Some("`checkout`"), Some(1)),
        "{cost:#}"
    );
    let both = sandbox.dlt(&["cost", "shop", "checkout.yaml", "--users", "5"]).with_code(2);
    assert!(both.err.contains("cannot be used with"), "{}", both.err);
    let alone = sandbox.dlt(&["cost", "checkout.yaml"]).with_code(2);
    assert!(alone.err.contains("hint: dlt cost dev checkout.yaml"), "{}", alone.err);
    let missing = sandbox.dlt(&["cost", "shop", "chekcout.yaml"]).with_code(2);
    assert!(missing.err.contains("failed to read the scenario `chekcout.yaml`"), "{}", missing.err);
}

#[test]
fn the_longest_chain_of_a_template_is_shown_with_its_seconds() {
    let sandbox = sandbox();
    let page = sandbox.dlt(&["render", "shop", "--critical-path"]).with_code(0).out;
    assert!(page.contains("Distribution") && page.contains("The whole environment from nothing: "), "{page}");
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    let chain = |arguments: &[&str]| {
        let arguments = [&["render", "shop", "--critical-path", "--output", "json"], arguments].concat();
        sandbox.dlt(&arguments).with_code(0).json()
    };
    let main = chain(&[]);
    let steps = main["steps"].as_array().expect("steps");
    assert_eq!(steps.last().and_then(|step| step["logical_id"].as_str()), Some("ConsoleRoute"), "{main:#}");
    assert_eq!(steps.last().map(|step| &step["done"]), Some(&main["takes"]));
    let headless = chain(&["--set", "console=headless"]);
    assert!(headless["takes"]["p50_secs"].as_u64() < main["takes"]["p50_secs"].as_u64());
    assert_eq!(chain(&["--part", "regional"])["region"], "us-east-1");
}
