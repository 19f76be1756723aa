//! Operations of a call, put together as `functions/run.lua` takes them apart: each is an argument,
//! a letter and its fields, numbers with their highest byte first. Acquires that follow on each
//! other in one name are one argument.

use quota_core::{Amount, LeaseId, Report, RequestKey, Return, WishPrint};
use redis::Cmd;
use sha2::{Digest, Sha256};

use super::Operation;
use crate::ledger::Caller;

/// A caller, a credential or a request, by a hash that nobody can aim at: names are given by
/// clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct HashedName([u8; 16]);

impl HashedName {
    /// The key of a gateway process.
    fn of_holder(caller: &Caller) -> Self {
        // A credential's name has no line breaks, so no two pairs meet.
        Self::of([caller.credential.as_bytes(), b"\n", caller.holder.as_bytes()])
    }

    /// The key of a credential.
    fn of_credential(credential: &str) -> Self {
        Self::of([credential.as_bytes()])
    }

    /// The key of what a gateway process asks for.
    fn of_request(holder: Self, request: RequestKey) -> Self {
        Self::of([&holder.0[..], &request.0.to_be_bytes()])
    }

    fn of<const N: usize>(parts: [&[u8]; N]) -> Self {
        let hash = parts.into_iter().fold(Sha256::new(), |hash, part| hash.chain_update(part));
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize()[..16]);
        Self(key)
    }
}

/// A command to which operations are added.
pub(super) struct Run<'a> {
    command: Cmd,
    asker: Option<(&'a Caller, HashedName)>,
    /// Those since the last argument.
    acquires: Packed,
}

impl<'a> Run<'a> {
    pub(super) fn of(command: Cmd) -> Self {
        Self { command, asker: None, acquires: Packed::default() }
    }

    /// Adds an operation in the name of a caller.
    pub(super) fn add(&mut self, caller: &'a Caller, operation: &Operation) {
        let holder = match self.asker {
            Some((asker, holder)) if asker == caller => holder,
            _ => self.ask_as(caller),
        };
        match *operation {
            Operation::Acquire(wish) => {
                let request = HashedName::of_request(holder, wish.request);
                let print = WishPrint::of(&wish).0.to_be_bytes();
                let acquires = self.acquires.letter(b'a').bytes(&request.0).bytes(&print);
                acquires.amount(wish.min).amount(wish.want).flag(wish.ahead);
            }
            Operation::GiveBack(Return { lease, total, closed }) => {
                self.argument(
                    Packed::default().letter(b'g').lease(lease).amount(total).flag(closed),
                );
            }
            Operation::Use(Report { lease, used, overrun }) => {
                self.argument(
                    Packed::default().letter(b'u').lease(lease).amount(used).amount(overrun),
                );
            }
            Operation::Denied(amount) => {
                self.argument(Packed::default().letter(b'd').amount(amount));
            }
        }
    }

    /// The command, with all of them.
    pub(super) fn command(mut self) -> Cmd {
        self.end_acquires();
        self.command
    }

    fn ask_as(&mut self, caller: &'a Caller) -> HashedName {
        let holder = HashedName::of_holder(caller);
        let credential = HashedName::of_credential(&caller.credential);
        let name = caller.holder.as_bytes();
        self.argument(
            Packed::default().letter(b'h').bytes(&holder.0).bytes(&credential.0).bytes(name),
        );
        self.asker = Some((caller, holder));
        holder
    }

    fn argument(&mut self, packed: &Packed) {
        self.end_acquires();
        self.command.arg(&packed.0);
    }

    fn end_acquires(&mut self) {
        if !self.acquires.0.is_empty() {
            self.command.arg(&self.acquires.0);
            self.acquires.0.clear();
        }
    }
}

/// An argument.
#[derive(Default)]
struct Packed(Vec<u8>);

impl Packed {
    /// What it is; nothing if that is said already.
    fn letter(&mut self, letter: u8) -> &mut Self {
        if self.0.is_empty() {
            self.0.push(letter);
        }
        self
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn amount(&mut self, amount: Amount) -> &mut Self {
        self.bytes(&amount.tokens().to_be_bytes()).bytes(&amount.requests().to_be_bytes())
    }

    fn lease(&mut self, lease: LeaseId) -> &mut Self {
        self.bytes(&lease.window.to_be_bytes()).bytes(&lease.number.to_be_bytes())
    }

    fn flag(&mut self, flag: bool) -> &mut Self {
        self.bytes(&[u8::from(flag)])
    }
}
