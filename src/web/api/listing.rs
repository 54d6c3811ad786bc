//! Parts of long lists: `limit`, `before`, `after`.

use pikoci_model::port::store::Page;
use serde::Deserialize;
use utoipa::IntoParams;

use super::answer::Meta;
use crate::refused::Refused;

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 500;

/// Which part of a list.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Listing {
    /// At most this many, 1 to 500; 50 when left out.
    #[param(minimum = 1, maximum = 500)]
    pub(crate) limit: Option<u32>,
    /// Only those older than this id.
    pub(crate) before: Option<i64>,
    /// Only those newer than this id.
    pub(crate) after: Option<i64>,
}

impl Listing {
    fn limit(self) -> u32 {
        self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
    }

    /// What to ask the store for: one more than is shown, to know whether there are more.
    pub(crate) fn page(self) -> Result<Page, Refused> {
        if self.limit.is_some_and(|limit| !(1..=MAX_LIMIT).contains(&limit)) {
            return Err(Refused::malformed(format!("`limit` must be 1 to {MAX_LIMIT}")));
        }
        Ok(Page { limit: self.limit() + 1, before: self.before, after: self.after })
    }

    /// Cuts the rows to the limit and says where they lie. Rows are newest first.
    pub(crate) fn cut<T>(self, rows: &mut Vec<T>, id: impl Fn(&T) -> i64) -> Meta {
        let limit = self.limit() as usize;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        Meta { has_more, oldest_id: rows.last().map(&id), newest_id: rows.first().map(&id) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_more_than_asked_for_tells_that_there_are_more() {
        let listing = Listing { limit: Some(2), ..Listing::default() };
        assert_eq!(listing.page().unwrap().limit, 3);
        let mut rows = vec![9, 8, 7];
        let meta = listing.cut(&mut rows, |row| *row);
        assert_eq!(
            (rows, meta),
            (vec![9, 8], Meta { has_more: true, oldest_id: Some(8), newest_id: Some(9) })
        );
        assert!(Listing { limit: Some(0), ..Listing::default() }.page().is_err());
        assert!(Listing { limit: Some(501), ..Listing::default() }.page().is_err());
    }
}
