//! A little traffic, until it is dropped. Nobody minds what is answered.

use std::time::Duration;

use quota_api::routes;
use serde_json::{Value, json};
use tests::harness::Process;
use tests::load::embedding;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

use super::town::LARGE;

const PAUSE: Duration = Duration::from_millis(150);
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Default)]
pub(super) struct Traffic(JoinSet<()>);

impl Traffic {
    /// Embeddings, through a gateway.
    pub(super) fn of_gateway(&mut self, url: &str) {
        let body = embedding(LARGE, 20);
        self.post(format!("{url}/v1/embeddings"), None, move |_| body.to_vec());
    }

    /// Leases, as a gateway would take them.
    pub(super) fn of_server(&mut self, url: &str) {
        let body = |number| json!(acquire(LARGE, number, 100)).to_string().into_bytes();
        self.post(format!("{url}{}", routes::LEASES), None, body);
    }

    /// Leases of this size, which nobody speaks of again.
    pub(super) fn of_wasters(&mut self, url: &str, deployment: &'static str, tokens: u64) {
        let body = move |number| acquire(deployment, number, tokens).to_string().into_bytes();
        self.post(format!("{url}{}", routes::LEASES), None, body);
    }

    /// Calls with a token that nobody has.
    pub(super) fn of_strangers(&mut self, url: &str) {
        self.post(format!("{url}{}", routes::LEASES), Some("guessed"), |_| b"{}".to_vec());
    }

    /// More calls at once than there are places for, whose bodies do not come.
    pub(super) fn of_dawdlers(&mut self, server: &Process) {
        const HEAD: &str = "POST /v1/leases HTTP/1.1\r\nhost: 127.0.0.1\r\n\
            content-type: application/json\r\ncontent-length: 100\r\n\r\n";
        let address = server.url().trim_start_matches("http://").to_owned();
        for _ in 0..8 {
            let address = address.clone();
            self.0.spawn(async move {
                loop {
                    if let Ok(mut stream) = TcpStream::connect(&address).await {
                        let _whatever = stream.write_all(HEAD.as_bytes()).await;
                        // Until the server has waited long enough, or had no place.
                        let _answer = stream.read_u8().await;
                    }
                    sleep(PAUSE).await;
                }
            });
        }
    }

    fn post(
        &mut self,
        url: String,
        token: Option<&'static str>,
        body: impl Fn(u64) -> Vec<u8> + Send + 'static,
    ) {
        let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        self.0.spawn(async move {
            let mut ticks = interval(PAUSE);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            for number in 0.. {
                ticks.tick().await;
                let call = http.post(&url).header("content-type", "application/json");
                let call = token.into_iter().fold(call, reqwest::RequestBuilder::bearer_auth);
                let _whatever = call.body(body(number)).send().await;
            }
        });
    }
}

pub(super) fn acquire(deployment: &str, number: u64, tokens: u64) -> Value {
    json!({
        "deployment": deployment,
        "holder": "gw/1",
        "request_id": format!("r{number}"),
        "tokens": {"min": tokens, "want": tokens},
        "requests": {"min": 1, "want": 1},
    })
}
