//! Days of the calendar.

use std::fmt;
use std::str::FromStr;

/// A day, written `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    year: u32,
    month: u32,
    day: u32,
}

impl Day {
    /// The day of a moment, in seconds since 1970-01-01 00:00 UTC.
    pub fn of_unix_time(seconds: u64) -> Self {
        let mut left = seconds / 86_400;
        let mut year = 1970;
        while left >= days_of_year(year) {
            left -= days_of_year(year);
            year += 1;
        }
        let mut month = 1;
        while left >= u64::from(days_of_month(year, month)) {
            left -= u64::from(days_of_month(year, month));
            month += 1;
        }
        Self { year, month, day: u32::try_from(left).unwrap_or(0) + 1 }
    }
}

fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of_year(year: u32) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_of_month(year: u32, month: u32) -> u32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no day; write YYYY-MM-DD");
        let digits = |part: &str, length: usize| {
            let is_number = part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| part.parse().ok()).flatten().ok_or_else(wrong)
        };
        let mut parts = text.split('-');
        let mut next = |length| digits(parts.next().unwrap_or_default(), length);
        let (year, month, day) = (next(4)?, next(2)?, next(2)?);
        let exists = (1..=12).contains(&month) && (1..=days_of_month(year, month)).contains(&day);
        if parts.next().is_some() || !exists {
            return Err(wrong());
        }
        Ok(Self { year, month, day })
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_and_written() {
        for text in ["2026-01-31", "2024-02-29", "2000-02-29", "9999-12-31"] {
            assert_eq!(text.parse::<Day>().map(|day| day.to_string()).as_deref(), Ok(text));
        }
        for text in [
            "2026-1-31",
            "2026-02-29",
            "1900-02-29",
            "2026-13-01",
            "2026-01-00",
            "tomorrow",
            "2026-01-01-01",
            "",
        ] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
        assert!("2026-09-30".parse::<Day>() < "2026-10-01".parse::<Day>());
    }

    #[test]
    fn moments_have_a_day() {
        let days = [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_709_251_199, "2024-02-29"),
            (1_709_251_200, "2024-03-01"),
            (1_767_225_600, "2026-01-01"),
        ];
        for (seconds, day) in days {
            assert_eq!(Day::of_unix_time(seconds).to_string(), day);
        }
    }
}
