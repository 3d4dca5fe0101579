//! Temporary.
use clap::Parser;
#[derive(Parser)]
struct Cli { #[command(flatten)] args: tollgate_sandbox::SandboxArgs }
#[tokio::main]
async fn main() -> anyhow::Result<()> { tollgate_sandbox::run(Cli::parse().args).await }
