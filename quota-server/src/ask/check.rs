use quota_api::{Acquire, Ask, GiveBack, GivenBack, Lease, Which, routes};
use rand::TryRng;
use rand::rngs::SysRng;

use super::call::AskedServer;
use super::{Refusal, ServerArgs};

/// What is tried.
#[derive(Debug, Clone, clap::Args)]
pub struct Check {
    /// Take the smallest lease of this deployment, and give it back
    #[arg(long, value_name = "ID")]
    deployment: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

impl Check {
    pub(super) async fn run(self, env: impl Fn(&str) -> Option<String>) -> Result<String, Refusal> {
        let server = self.server.server(env)?;
        let mut said = server.ready().await?;
        if let Some(id) = &self.deployment {
            server.take_and_give_back(id).await?;
            said += &format!("a lease of `{id}` was granted, and taken back\n");
        }
        Ok(said)
    }
}

impl AskedServer {
    /// What it says of its readiness.
    async fn ready(&self) -> Result<String, Refusal> {
        let answer = self.ask("readiness", self.http.get(self.path(routes::READYZ, &[]))).await?;
        answer.text().await.map_err(|error| self.away(&error))
    }

    async fn take_and_give_back(&self, id: &str) -> Result<(), Refusal> {
        let what = format!("a lease of `{id}`");
        let request = self.http.post(self.path(routes::LEASES, &[])).json(&smallest(id)?);
        let lease: Lease = self.read(&what, request).await?;
        let all = GiveBack { tokens: lease.tokens, requests: lease.requests, closed: true };
        let url = self.path(routes::LEASES, &[&lease.lease_id, "return"]);
        self.read::<GivenBack>(&what, self.http.post(url).json(&all)).await.map(drop)
    }
}

/// One token, one request; of a holder that nobody else is.
fn smallest(id: &str) -> Result<Acquire, Refusal> {
    let holder = SysRng.try_next_u64().map_err(|error| Refusal::No(error.to_string()))?;
    let one = Ask { min: 1, want: 1 };
    Ok(Acquire {
        deployment: id.to_owned(),
        holder: format!("check/{holder:016x}"),
        request_id: "only".to_owned(),
        tokens: one,
        requests: one,
        window: Which::Current,
    })
}
