/// Maps values to pixels over a range that ends at round numbers.
#[derive(Debug)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    step: f64,
    /// Pixel of `low`, pixel of `high`.
    top: f64,
    bottom: f64,
}

impl Scale {
    /// Holds `low` and `high`, with at most about `ticks` steps of 1, 2 or 5 times a power of ten.
    pub(crate) fn new(low: f64, high: f64, ticks: u32, top: f64, bottom: f64) -> Scale {
        let span = (high - low).max(1.0);
        let rough = span / f64::from(ticks);
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|s| *s >= rough * 0.999).unwrap_or(power);
        let (low, mut high) = ((low / step).floor() * step, (high / step).ceil() * step);
        if high <= low {
            high = low + step;
        }
        Scale { low, high, step, top, bottom }
    }

    /// Pixel of a value.
    pub(crate) fn at(&self, value: f64) -> f64 {
        self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)
    }

    /// The round values, lowest first.
    pub(crate) fn ticks(&self) -> impl Iterator<Item = f64> + '_ {
        let n = ((self.high - self.low) / self.step).round() as u32;
        (0..=n).map(|i| self.low + f64::from(i) * self.step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_round_and_hold_the_values() {
        let check = |low: f64, high: f64, expect: &[f64]| {
            let scale = Scale::new(low, high, 6, 0.0, 100.0);
            let ticks: Vec<f64> = scale.ticks().collect();
            assert_eq!(ticks, expect, "{low} to {high}");
            assert_eq!((scale.at(ticks[0]), scale.at(*ticks.last().unwrap())), (100.0, 0.0));
        };
        check(-7.1, 35.6, &[-10.0, 0.0, 10.0, 20.0, 30.0, 40.0]);
        check(0.0, 281.2, &[0.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0]);
        check(0.0, 0.0, &[0.0, 0.2]);
        check(3.0, 3.0, &[3.0, 3.2]);
        check(0.0, 6.0, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }
}
