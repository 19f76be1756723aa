//! Draws and settles against a running quota server: `curl -X PUT
//! 127.0.0.1:7700/v1/deployments/demo -H 'content-type: application/json' -d '{"tpm_limit": 500}'`
//! and then `cargo run -p gateway-client --example embed`, with the servers' URLs if there are
//! several: `http://127.0.0.1:7700,http://127.0.0.1:7701`.

use gateway_client::{Amount, QuotaClient};

fn tokens(tokens: u64) -> Amount {
    let requests = 1;
    Amount::new(tokens, requests)
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let urls = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:7700".to_owned());
    let client = QuotaClient::builder(urls).build()?;
    let deployment = client.deployment("demo");
    loop {
        match deployment.draw(tokens(40)).await {
            Ok(permit) => permit.settle(tokens(25)),
            Err(denied) => break println!("denied: {denied}"),
        }
        println!("sent one; in hand: {:?}", deployment.view().free);
    }
    client.shutdown().await?;
    Ok(())
}
