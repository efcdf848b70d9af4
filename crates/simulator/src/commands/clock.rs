//! Seconds since the epoch as a date of the Gregorian calendar, UTC.

/// A moment as a clock on a wall and a calendar show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    pub(crate) year: i64,
    /// 1 to 12.
    pub(crate) month: i64,
    pub(crate) day: i64,
    /// Seconds since midnight.
    of_day: i64,
    /// Days since 1970-01-01.
    days: i64,
}

impl Clock {
    pub(crate) fn of(secs: i64) -> Clock {
        let days = secs.div_euclid(86_400);
        let (year, month, day) = super::system::date(days);
        Clock {
            year,
            month,
            day,
            of_day: secs.rem_euclid(86_400),
            days,
        }
    }

    /// `2023-11-14`.
    pub(crate) fn date(&self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// `22:13:20`.
    pub(crate) fn time(&self) -> String {
        format!(
            "{:02}:{:02}:{:02}",
            self.of_day / 3600,
            self.of_day / 60 % 60,
            self.of_day % 60
        )
    }

    /// `Nov`.
    pub(crate) fn month_name(&self) -> &'static str {
        const NAMES: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        NAMES[(self.month - 1).rem_euclid(12) as usize]
    }

    /// `Tue`.
    pub(crate) fn weekday_name(&self) -> &'static str {
        // The first of January 1970 was a Thursday.
        const NAMES: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        NAMES[self.days.rem_euclid(7) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn a_moment_has_its_weekday_date_and_time() {
        let clock = Clock::of(1_700_000_000);
        let shown = format!(
            "{} {} {} {}",
            clock.weekday_name(),
            clock.month_name(),
            clock.date(),
            clock.time()
        );
        assert_eq!(shown, "Tue Nov 2023-11-14 22:13:20");
    }
}
