//! What went over the simulated network: the last requests, and the sums of all.

use std::rc::Rc;

use messages::WireRow;

/// Requests that are kept.
const MAX_ROWS: usize = 1_000;

/// Requests and their sums.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Wire {
    /// The last of them, in order.
    pub(crate) rows: Vec<Rc<WireRow>>,
    /// How many there were in all.
    pub(crate) n_rows: usize,
    /// Bytes of all requests' bodies.
    pub(crate) sent_bytes: u64,
    /// Bytes of all answers' bodies.
    pub(crate) received_bytes: u64,
    /// Bytes that did not have to go over the wire.
    pub(crate) spared_bytes: u64,
}

impl Wire {
    /// Adds requests.
    pub(crate) fn add(&mut self, rows: Vec<WireRow>) {
        for row in rows {
            self.n_rows += 1;
            self.sent_bytes = self.sent_bytes.saturating_add(row.sent_bytes);
            self.received_bytes = self.received_bytes.saturating_add(row.received_bytes);
            self.spared_bytes = self.spared_bytes.saturating_add(row.spared_bytes);
            self.rows.push(Rc::new(row));
        }
        self.rows.drain(..self.rows.len().saturating_sub(MAX_ROWS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_of_all_rows_and_the_last_rows_are_kept() {
        let row = |number| WireRow {
            number,
            sent_bytes: 10,
            received_bytes: 1,
            spared_bytes: 100,
            ..WireRow::default()
        };
        let mut wire = Wire::default();
        wire.add((1..=5).map(row).collect());
        wire.add((6..=MAX_ROWS as u64 + 5).map(row).collect());
        assert_eq!((wire.rows.len(), wire.rows[0].number), (MAX_ROWS, 6));
        assert_eq!(
            (wire.n_rows, wire.sent_bytes, wire.received_bytes, wire.spared_bytes),
            (1_005, 10_050, 1_005, 100_500)
        );
    }
}
