//! What must hold in every state, and what must be possible.

use stateright::Property;

use crate::{
    protocol::Protocol,
    world::{Server, World},
};

pub(crate) fn properties() -> Vec<Property<Protocol>> {
    vec![
        Property::always("R1: no grant goes over the limit in force", |_, world: &World| {
            !world.truth.has_granted_over
        }),
        Property::always("R1: no window is drawn from beyond its limit", |_, world: &World| {
            let truth = &world.truth;
            truth.drawn.iter().zip(&truth.highest).all(|(drawn, limit)| drawn <= limit)
        }),
        Property::always("R3: only what was taken out is credited, once", |_, world: &World| {
            let truth = &world.truth;
            truth.credited.iter().zip(&truth.taken_out).all(|(credited, out)| credited <= out)
        }),
        Property::always("what there is room for is not denied", |_, world: &World| {
            !world.truth.has_denied_wrongly
        }),
        Property::sometimes("a whole window is drawn", |protocol, world: &World| {
            world.truth.drawn[0] == protocol.limit
        }),
        Property::sometimes("each server grants that is elected", |protocol, world: &World| {
            let granted = |server: &Server| match server {
                Server::Active(_, book) => !book.leases.is_empty(),
                Server::Standby => false,
            };
            protocol.budget.elections == 0 || world.servers.iter().any(granted)
        }),
        Property::sometimes("what was given back is granted again", |protocol, world: &World| {
            let granted: u8 = world.store.book.leases.iter().map(|lease| lease.amount).sum();
            world.window == 0
                && granted > protocol.limit
                && world.store.book.limit == protocol.limit
        }),
        Property::sometimes("a rolled back store serves again", |protocol, world: &World| {
            let from = world.store.book.vouched_from;
            let leases = &world.store.book.leases;
            protocol.budget.rollbacks == 0
                || from > 0 && leases.iter().any(|lease| lease.window >= from)
        }),
    ]
}
