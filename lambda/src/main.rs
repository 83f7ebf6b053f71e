//! The Lambda bootstrap: one binary that is what `DLT_ROLE` says.

mod advance;
mod api;
mod live;
mod plane;
mod trigger;

use std::process::ExitCode;

use dlt_aws::{Cloud, Environment, Role};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    log_as_json();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    anyhow::ensure!(
        std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some(),
        "AWS_LAMBDA_RUNTIME_API is not set: this program is started by AWS Lambda as a custom runtime; to run the same \
         system on this machine, use `dlt local`"
    );
    let environment = Environment::from_env()?;
    let cloud = Cloud::load(&environment.hub_region).await;
    match &environment.role {
        Role::Api(records) => api::run(&cloud, &environment, records).await,
        Role::Advance(records) => advance::run(&cloud, &environment, records).await,
        Role::Live => live::run(&cloud, &environment).await,
    }
}

/// One JSON object per line, for CloudWatch Logs; `RUST_LOG` chooses what is said.
fn log_as_json() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).with_writer(std::io::stderr).init();
}
