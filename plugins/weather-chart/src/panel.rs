use crate::scale::Scale;
use crate::svg::{Anchor, Svg};
use std::ops::RangeInclusive;

/// Left edge, right edge of what is plotted.
pub(crate) const LEFT: f64 = 72.0;
pub(crate) const RIGHT: f64 = 976.0;

/// Horizontal places of months.
#[derive(Debug)]
pub(crate) struct Columns {
    first: i32,
    last: i32,
    /// Pixels a month.
    pub(crate) width: f64,
}

impl Columns {
    pub(crate) fn new(span: &RangeInclusive<i32>) -> Columns {
        let (first, last) = (*span.start(), *span.end());
        // One bar as wide as the page looks like a fault; a few months keep a bar's shape and stand at the left.
        let width = ((RIGHT - LEFT) / f64::from(last - first + 1)).min(72.0);
        Columns { first, last, width }
    }

    /// Left edge of a month.
    pub(crate) fn left(&self, month: i32) -> f64 {
        LEFT + f64::from(month - self.first) * self.width
    }

    pub(crate) fn middle(&self, month: i32) -> f64 {
        self.left(month) + self.width / 2.0
    }

    /// A bar's left edge and width.
    pub(crate) fn bar(&self, month: i32) -> (f64, f64) {
        let width = (self.width * 0.64).max(0.5);
        (self.middle(month) - width / 2.0, width)
    }

    /// Each calendar year with the part of it that is drawn.
    fn years(&self) -> impl Iterator<Item = (i32, f64, f64)> + '_ {
        (self.first.div_euclid(12)..=self.last.div_euclid(12)).map(|year| {
            let from = self.left((year * 12).max(self.first));
            let to = self.left((year * 12 + 12).min(self.last + 1));
            (year, from, to)
        })
    }

    /// Every second year on a shade of its own.
    pub(crate) fn shade(&self, svg: &mut Svg, top: f64, bottom: f64) {
        for (_, from, to) in self.years().filter(|(year, ..)| year % 2 != 0) {
            svg.rect("shade", from, top, to - from, bottom - top, None);
        }
    }

    /// Initials of months where there is room, and years.
    pub(crate) fn labels(&self, svg: &mut Svg, top: f64) {
        if self.width >= 12.0 {
            for month in self.first..=self.last {
                let initial = &"JFMAMJJASOND"[month.rem_euclid(12) as usize..][..1];
                svg.text("tick", self.middle(month), top + 16.0, Anchor::Middle, initial);
            }
        }
        // A year needs 34 pixels.
        let every = (34.0 / (self.width * 12.0)).ceil().max(1.0) as i32;
        for (year, from, to) in self.years() {
            if year % every == 0 && (to - from >= 30.0 || every > 1) {
                svg.text("year", (from + to) / 2.0, top + 36.0, Anchor::Middle, &year.to_string());
            }
        }
    }
}

/// Lines and numbers of a vertical axis, and what it measures.
pub(crate) fn axis(svg: &mut Svg, scale: &Scale, title: &str, top: f64, bottom: f64) {
    for value in scale.ticks() {
        let y = scale.at(value);
        svg.stroke(if value == 0.0 { "zero" } else { "grid" }, (LEFT, y), (RIGHT, y));
        // A true minus sign, as wide as a digit.
        let number = value.to_string().replace('-', "−");
        svg.text("tick", LEFT - 8.0, y + 4.0, Anchor::End, &number);
    }
    svg.upright("axis", 22.0, (top + bottom) / 2.0, title);
}
