//! All of it together: what happens when, in the order of virtual time.

use std::collections::BTreeMap;

use gateway_client::servers::Servers;
use gateway_client::{Amount, Permit};
use quota_api::Batch;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tests::played_gateway::{Drawn, Drift, Gateway, Heard};

use crate::audit::{Audit, Request};
use crate::fronts::{Fronts, Greeting, SILENCE_US, url};
use crate::plan::Plan;
use crate::server::{DEPLOYMENT, Server};

const SECOND_US: u64 = 1_000_000;

/// A gateway gives an answer up after so long, if there is another server to ask and if not.
const TIMEOUT_US: u64 = SECOND_US;
const LONG_TIMEOUT_US: u64 = 2 * SECOND_US;

/// After the last request, for what still runs.
const AFTERMATH_US: u64 = 30 * SECOND_US;

enum Happening {
    Arrives { gateway: usize, request: usize },
    Settles { gateway: usize, request: usize, permit: Permit, used: u64 },
    AtServer(Message),
    AtGateway { gateway: usize, flight: u64, heard: Heard },
    Wakes { gateway: usize },
    ServerCrashes,
    ServerDies { server: usize },
    ServerPauses { server: usize },
    Silence,
    GatewayDies { gateway: usize },
}

/// A batch on its way to a server.
#[derive(Clone)]
struct Message {
    gateway: usize,
    server: usize,
    flight: u64,
    batch: Batch,
    is_repeat: bool,
}

/// A run under way.
pub(crate) struct Site {
    plan: Plan,
    rng: StdRng,
    server: Server,
    fronts: Fronts,
    gateways: Vec<Gateway>,
    /// Numbered, so that what happens at one instant has an order.
    ahead: BTreeMap<(u64, u64), Happening>,
    happenings: u64,
    now_us: u64,
    audit: Audit,
}

/// Plays a plan to its end.
pub(crate) fn play(plan: &Plan) -> Audit {
    let mut site = Site::new(plan.clone());
    site.schedule_requests();
    site.schedule_large();
    site.schedule_accidents();
    let end_us = plan.seconds * SECOND_US + AFTERMATH_US;
    while let Some(((at_us, _), happening)) = site.ahead.pop_first() {
        if at_us > end_us {
            break;
        }
        site.now_us = at_us;
        site.happen(happening);
    }
    site.audit
}

impl Site {
    fn new(plan: Plan) -> Self {
        let mut rng = StdRng::seed_from_u64(plan.seed);
        let drift_ppm = plan.accidents.drift_ppm;
        let fronts = Fronts::new(plan.servers, plan.has_standbys);
        let count = plan.gateways + usize::from(plan.large.is_some());
        let gateways = (0..count).map(|number| {
            let ppm = rng.random_range(-drift_ppm..=drift_ppm);
            let clock = Drift { origin_us: rng.random_range(SECOND_US..1_000 * SECOND_US), ppm };
            let servers = Servers::new(&fronts.urls(), StdRng::from_rng(&mut rng));
            let servers = servers.expect("the URLs are good");
            let jitter = rng.random_range(0..=1_000);
            Gateway::new(name(number), DEPLOYMENT, clock, servers, jitter, plan.max_wait_ms)
        });
        let gateways = gateways.collect();
        let server = Server::new(&plan);
        let (ahead, audit) = (BTreeMap::new(), Audit::default());
        Self { plan, rng, server, fronts, gateways, ahead, happenings: 0, now_us: 0, audit }
    }

    fn at(&mut self, at_us: u64, happening: Happening) {
        self.happenings += 1;
        self.ahead.insert((at_us, self.happenings), happening);
    }

    /// Poisson arrivals, about: gaps are uniform with the right mean.
    fn schedule_requests(&mut self) {
        let load = self.plan.load.clone();
        let gap_us = SECOND_US / load.per_second;
        let mut at_us = 0;
        while at_us < self.plan.seconds * SECOND_US {
            at_us += self.rng.random_range(0..=2 * gap_us);
            let reserved = self.rng.random_range(load.tokens.0..=load.tokens.1);
            let request = self.audit.requests.len();
            self.audit.requests.push(Request {
                at_us,
                reserved,
                used: reserved,
                is_admitted: false,
                waited_us: 0,
                is_large: false,
            });
            let gateway = self.zipf();
            self.at(at_us, Happening::Arrives { gateway, request });
        }
    }

    /// They come to the last gateway, which has nothing else to do.
    fn schedule_large(&mut self) {
        let Some(large) = self.plan.large else { return };
        let every_us = large.every_ms * 1_000;
        for number in 1..(self.plan.seconds * SECOND_US).div_ceil(every_us) {
            let at_us = number * every_us;
            let request = self.audit.requests.len();
            self.audit.requests.push(Request {
                at_us,
                reserved: large.tokens,
                used: large.tokens,
                is_admitted: false,
                waited_us: 0,
                is_large: true,
            });
            self.at(at_us, Happening::Arrives { gateway: self.plan.gateways, request });
        }
    }

    /// The n-th gateway gets a share of 1/n.
    fn zipf(&mut self) -> usize {
        let weights = (1..=self.plan.gateways).map(|rank| 1_000_000 / rank);
        let mut left = self.rng.random_range(0..weights.clone().sum::<usize>());
        for (gateway, weight) in weights.enumerate() {
            if left < weight {
                return gateway;
            }
            left -= weight;
        }
        0
    }

    fn schedule_accidents(&mut self) {
        let end_us = self.plan.seconds * SECOND_US;
        for _ in 0..self.plan.accidents.server_crashes {
            let at_us = self.rng.random_range(0..end_us);
            self.at(at_us, Happening::ServerCrashes);
        }
        for _ in 0..self.plan.accidents.server_deaths {
            let at_us = self.rng.random_range(0..end_us);
            let server = self.rng.random_range(0..self.plan.servers);
            self.at(at_us, Happening::ServerDies { server });
        }
        for _ in 0..self.plan.accidents.server_pauses {
            let at_us = self.rng.random_range(0..end_us);
            let server = self.rng.random_range(0..self.plan.servers);
            self.at(at_us, Happening::ServerPauses { server });
        }
        for _ in 0..self.plan.accidents.gateway_crashes {
            let at_us = self.rng.random_range(0..end_us);
            let gateway = self.rng.random_range(0..self.plan.gateways);
            self.at(at_us, Happening::GatewayDies { gateway });
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrives { gateway, request } => self.arrives(gateway, request),
            Happening::Settles { gateway, request, permit, used } => {
                self.settles(gateway, request, permit, used);
            }
            Happening::AtServer(message) => self.at_server(message),
            Happening::AtGateway { gateway, flight, heard } => {
                self.at_gateway(gateway, flight, heard);
            }
            Happening::Wakes { gateway } => self.wakes(gateway),
            Happening::ServerCrashes => {
                let down_us = self.rng.random_range(0..SECOND_US);
                self.server.crash(self.now_us + down_us);
            }
            Happening::ServerDies { server } => {
                let back_in_us = self.rng.random_range(0..10 * SECOND_US);
                self.fronts.die(server, self.now_us + back_in_us);
                self.at(self.now_us + SILENCE_US, Happening::Silence);
            }
            Happening::ServerPauses { server } => {
                let back_in_us = self.rng.random_range(0..5 * SECOND_US);
                self.fronts.pause(server, self.now_us + back_in_us);
                self.at(self.now_us + SILENCE_US, Happening::Silence);
            }
            Happening::Silence => self.fronts.take_over(self.now_us),
            Happening::GatewayDies { gateway } => self.gateways[gateway].is_dead = true,
        }
    }

    fn arrives(&mut self, gateway: usize, request: usize) {
        if self.gateways[gateway].is_dead {
            return;
        }
        let amount = Amount::new(self.audit.requests[request].reserved, 1);
        let drawn = self.gateways[gateway].draw(request, amount, self.now_us);
        self.became(gateway, drawn);
        self.go_on(gateway);
    }

    fn settles(&mut self, gateway: usize, request: usize, permit: Permit, used: u64) {
        let record = &mut self.audit.requests[request];
        record.used = used.min(record.reserved);
        self.audit.overrun += used.saturating_sub(record.reserved);
        permit.settle(Amount::new(used, 1));
        self.gateways[gateway].settled();
        self.go_on(gateway);
    }

    fn became(&mut self, gateway: usize, drawn: impl IntoIterator<Item = Drawn>) {
        for drawn in drawn {
            let Drawn::Admitted(request, permit, _) = drawn else { continue };
            let may_draw = self.server.lets_draw(&name(gateway), self.now_us);
            assert!(may_draw, "{} drew from no lease at {} µs", name(gateway), self.now_us);
            let record = &mut self.audit.requests[request];
            record.is_admitted = true;
            record.waited_us = self.now_us - record.at_us;
            record.at_us = self.now_us;
            let load = &self.plan.load;
            let used = record.reserved
                * self.rng.random_range(load.used_percent.0..=load.used_percent.1)
                / 100;
            let takes_us = self.rng.random_range(load.takes_ms.0..=load.takes_ms.1) * 1_000;
            self.at(self.now_us + takes_us, Happening::Settles { gateway, request, permit, used });
        }
    }

    /// Lets a gateway do what it has to, and send what it has to say.
    fn go_on(&mut self, number: usize) {
        if self.gateways[number].is_dead {
            return;
        }
        let drawn = self.gateways[number].attend(self.now_us);
        self.became(number, drawn);
        if let Some((url, batch)) = self.gateways[number].send(self.now_us) {
            self.send(number, &url, batch);
        }
        let (fronts, now_us) = (&self.fronts, self.now_us);
        self.gateways[number].spread(now_us, |url| fronts.is_ready(fronts.named(url), now_us));
        let next_us = self.gateways[number].next_us(self.now_us).max(self.now_us + 1);
        if self.gateways[number].wakes_us != next_us {
            self.gateways[number].wakes_us = next_us;
            self.at(next_us, Happening::Wakes { gateway: number });
        }
    }

    /// Only the latest of its alarms counts.
    fn wakes(&mut self, number: usize) {
        if self.gateways[number].wakes_us == self.now_us {
            self.gateways[number].wakes_us = 0;
            self.go_on(number);
        }
    }

    fn send(&mut self, gateway: usize, url: &str, batch: Batch) {
        self.audit.messages += 1;
        let (server, flight) = (self.fronts.named(url), self.gateways[gateway].flight);
        let message = Message { gateway, server, flight, batch, is_repeat: false };
        let fate = self.plan.network.request(&mut self.rng);
        if let Some(in_us) = fate.again_in_us {
            let again = Message { is_repeat: true, ..message.clone() };
            self.at(self.now_us + in_us, Happening::AtServer(again));
        }
        if let Some(in_us) = fate.arrives_in_us {
            self.at(self.now_us + in_us, Happening::AtServer(message));
        }
        let given_up = Happening::AtGateway { gateway, flight, heard: Heard::Nothing };
        let timeout_us = if self.plan.servers > 1 { TIMEOUT_US } else { LONG_TIMEOUT_US };
        self.at(self.now_us + timeout_us, given_up);
    }

    fn at_server(&mut self, message: Message) {
        let heard = match self.fronts.greet(message.server, self.now_us) {
            Greeting::PausedUntil(at_us) => return self.at(at_us, Happening::AtServer(message)),
            Greeting::Refuses => Heard::Nothing,
            Greeting::StandbyOf(active) => {
                Heard::Standby(format!("{}/v1/leases/batch", url(active)))
            }
            Greeting::Works if self.now_us < self.server.down_until_us => Heard::Nothing,
            Greeting::Works => {
                let reply = self.server.answer(&message.batch, self.now_us);
                self.audit.endgame.note(self.server.is_in_endgame(self.now_us), self.now_us);
                Heard::Reply(reply)
            }
        };
        let Message { gateway, flight, is_repeat, .. } = message;
        let arrives_in_us = self.plan.network.answer(&mut self.rng);
        if let Some(in_us) = arrives_in_us.filter(|_| !is_repeat) {
            self.at(self.now_us + in_us, Happening::AtGateway { gateway, flight, heard });
        }
    }

    fn at_gateway(&mut self, number: usize, flight: u64, heard: Heard) {
        let gateway = &mut self.gateways[number];
        if gateway.is_dead || gateway.flight != flight {
            return;
        }
        // Answered or given up: what comes later of this flight finds another number.
        gateway.flight += 1;
        let drawn = gateway.hear(heard, self.now_us);
        self.became(number, drawn);
        self.go_on(number);
    }
}

/// What a gateway calls itself.
fn name(gateway: usize) -> String {
    format!("gw-{gateway}")
}
