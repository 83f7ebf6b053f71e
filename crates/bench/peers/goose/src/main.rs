//! The benchmark's two tasks for Goose; `--scenarios reader` or `--scenarios shopper` says which one.

use goose::prelude::*;
use serde::{Deserialize, Serialize};

/// What the shop gives out.
#[derive(Deserialize)]
struct Token {
    token: String,
}

/// What it takes for it.
#[derive(Serialize)]
struct Order {
    token: String,
    items: [u8; 3],
}

#[tokio::main]
async fn main() -> Result<(), GooseError> {
    let reader = Scenario::new("reader").register_transaction(transaction!(page));
    let shopper = Scenario::new("shopper").register_transaction(transaction!(buy));
    GooseAttack::initialize()?.register_scenario(reader).register_scenario(shopper).execute().await?;
    Ok(())
}

/// The page, again and again, with the check that our worker makes.
async fn page(user: &mut GooseUser) -> TransactionResult {
    let asked = GooseRequest::builder().path("/").expect_status_code(200).build();
    // A connection is used again only when its answer was read.
    user.request(asked).await?.response?.bytes().await?;
    Ok(())
}

/// A token, and an order with it.
async fn buy(user: &mut GooseUser) -> TransactionResult {
    let asked = GooseRequest::builder().path("/token").expect_status_code(200).build();
    let Token { token } = user.request(asked).await?.response?.json().await?;
    let order = Order { token, items: [1, 2, 3] };
    let sent = user.get_request_builder(&GooseMethod::Post, "/orders")?.json(&order);
    let ordered = GooseRequest::builder()
        .method(GooseMethod::Post)
        .path("/orders")
        .set_request_builder(sent)
        .expect_status_code(201)
        .build();
    user.request(ordered).await?.response?.bytes().await?;
    Ok(())
}
