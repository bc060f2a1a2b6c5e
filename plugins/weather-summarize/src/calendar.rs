/// A month of the Gregorian calendar.
pub(crate) struct Month {
    year: u32,
    month: u32,
}

impl Month {
    /// Reads `2012-01`.
    pub(crate) fn parse(text: &str) -> Option<Month> {
        let (year, month) = text.split_once('-')?;
        let digits = |part: &str, len| part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return None;
        }
        let (year, month) = (year.parse().ok()?, month.parse().ok()?);
        (1..=12).contains(&month).then_some(Month { year, month })
    }

    pub(crate) fn days(&self) -> u32 {
        let leap = self.year.is_multiple_of(4) && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    /// Its dates in order, as `2012-01-05`.
    pub(crate) fn dates(&self) -> impl Iterator<Item = String> + '_ {
        (1..=self.days()).map(|day| format!("{:04}-{:02}-{day:02}", self.year, self.month))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_have_their_days() {
        for (text, days) in
            [("2012-01", 31), ("2012-02", 29), ("2013-02", 28), ("1900-02", 28), ("2000-02", 29), ("2015-11", 30)]
        {
            assert_eq!(Month::parse(text).map(|m| m.days()), Some(days), "{text}");
        }
        for text in ["2012", "2012-13", "2012-00", "2012-1", "12-01", "2012-01-01", "+012-01", ""] {
            assert!(Month::parse(text).is_none(), "{text}");
        }
        assert_eq!(Month::parse("2012-02").unwrap().dates().last().unwrap(), "2012-02-29");
    }
}
