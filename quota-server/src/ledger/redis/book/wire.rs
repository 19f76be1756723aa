//! Reads the flat arrays that the library answers with.

use quota_core::{Amount, Limit, Now, WindowKind, WindowSpan};
use redis::Value;

use super::call::NO_LIMIT;
use super::reply::Unreadable;

/// An answer, read from the front.
pub(super) struct Fields<'a>(std::slice::Iter<'a, Value>);

impl<'a> Fields<'a> {
    pub(super) fn of(value: &'a Value) -> Result<Self, Unreadable> {
        match value {
            Value::Array(values) => Ok(Self(values.iter())),
            _ => Err(Unreadable),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Unreadable> {
        match self.0.next() {
            Some(Value::BulkString(bytes)) => Ok(bytes),
            _ => Err(Unreadable),
        }
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Unreadable> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Unreadable)
    }

    pub(super) fn number(&mut self) -> Result<u64, Unreadable> {
        match self.0.next() {
            Some(Value::Int(number)) => u64::try_from(*number).map_err(|_| Unreadable),
            _ => Err(Unreadable),
        }
    }

    pub(super) fn small(&mut self) -> Result<u32, Unreadable> {
        u32::try_from(self.number()?).map_err(|_| Unreadable)
    }

    pub(super) fn flag(&mut self) -> Result<bool, Unreadable> {
        Ok(self.number()? == 1)
    }

    pub(super) fn amount(&mut self) -> Result<Amount, Unreadable> {
        Ok(Amount::new(self.number()?, self.number()?))
    }

    pub(super) fn limit(&mut self) -> Result<Limit, Unreadable> {
        let most = self.amount()?;
        Ok(Limit::by_unit(|unit| Some(most[unit]).filter(|most| *most != NO_LIMIT)))
    }

    pub(super) fn kind(&mut self) -> Result<WindowKind, Unreadable> {
        Ok(if self.number()? == 0 { WindowKind::Minute } else { WindowKind::Rolling })
    }

    pub(super) fn now(&mut self) -> Result<Now, Unreadable> {
        let steady_ms = self.number()?;
        let (number, minute) = (self.number()?, self.number()?);
        let (opens_ms, ends_ms) = (self.number()?, self.number()?);
        Ok(Now { steady_ms, window: WindowSpan { number, minute, opens_ms, ends_ms } })
    }
}
