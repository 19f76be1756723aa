//! A list that grows without moving what is in it.
//!
//! At full load a window has tens of millions of leases. A `Vec` that doubles copies them all again
//! and again, which makes single grants slow, and touches twice the memory, which is most of the
//! time that a recovery takes. So beyond the first block, blocks are added and never grow.

use crate::lease::Lease;

/// Leases in a block: 256 KiB of them.
const BLOCK: usize = 4_096;

/// Leases in the order of their grants.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leases {
    /// All but the last are full.
    blocks: Vec<Vec<Lease>>,
}

impl Leases {
    /// An empty list, with room for about so many.
    pub(crate) fn with_room(leases: usize) -> Self {
        let mut blocks = Vec::with_capacity(leases.div_ceil(BLOCK));
        if leases > 0 {
            blocks.push(Vec::with_capacity(leases.min(BLOCK)));
        }
        Self { blocks }
    }

    pub(crate) fn len(&self) -> usize {
        let full = self.blocks.len().saturating_sub(1) * BLOCK;
        full + self.blocks.last().map_or(0, Vec::len)
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Lease> {
        self.blocks.get(index / BLOCK)?.get(index % BLOCK)
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Lease> {
        self.blocks.get_mut(index / BLOCK)?.get_mut(index % BLOCK)
    }

    pub(crate) fn push(&mut self, lease: Lease) {
        match self.blocks.last_mut() {
            Some(last) if last.len() < BLOCK => last.push(lease),
            None => self.blocks.push(vec![lease]),
            Some(_) => {
                let mut block = Vec::with_capacity(BLOCK);
                block.push(lease);
                self.blocks.push(block);
            }
        }
    }

    /// Those from `first` on, each with its index.
    pub(crate) fn from(
        &self,
        first: usize,
    ) -> impl DoubleEndedIterator<Item = (usize, &Lease)> + use<'_> {
        let blocks = self.blocks.iter().enumerate().skip(first / BLOCK);
        blocks.flat_map(move |(no, block)| {
            let skipped = first.saturating_sub(no * BLOCK).min(block.len());
            let index = no * BLOCK + skipped;
            block[skipped..].iter().enumerate().map(move |(at, lease)| (index + at, lease))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Amount, HolderId, RequestKey};

    fn lease(number: usize) -> Lease {
        let request = RequestKey(number as u128);
        Lease::new(HolderId(1), request, Amount::new(1, 1), 0, 1).unwrap()
    }

    fn number(lease: &Lease) -> usize {
        usize::try_from(lease.request.0).unwrap()
    }

    #[test]
    fn it_is_a_vec_that_does_not_move() {
        for room in [0, 3, 2 * BLOCK] {
            let mut leases = Leases::with_room(room);
            assert_eq!((leases.len(), leases.from(0).count()), (0, 0));
            let many = 2 * BLOCK + 3;
            for no in 0..many {
                leases.push(lease(no));
                assert_eq!(leases.len(), no + 1);
            }
            let first: *const Lease = leases.get(0).unwrap();
            leases.push(lease(many));
            assert_eq!(first, std::ptr::from_ref(leases.get(0).unwrap()));
            for at in [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK, many] {
                assert_eq!(number(leases.get(at).unwrap()), at);
                assert_eq!(number(leases.get_mut(at).unwrap()), at);
            }
            assert!(leases.get(many + 1).is_none() && leases.get_mut(9 * BLOCK).is_none());
        }
    }

    #[test]
    fn it_is_read_from_any_place_in_both_directions() {
        let mut leases = Leases::default();
        (0..2 * BLOCK).for_each(|no| leases.push(lease(no)));
        for first in [0, 7, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK - 1, 2 * BLOCK, 5 * BLOCK] {
            let numbers: Vec<_> =
                leases.from(first).map(|(at, lease)| (at, number(lease))).collect();
            assert_eq!(numbers, (first..2 * BLOCK).map(|no| (no, no)).collect::<Vec<_>>());
            let back = leases.from(first).rev().map(|(at, _)| at);
            assert!(back.eq((first..2 * BLOCK).rev()));
        }
    }
}
