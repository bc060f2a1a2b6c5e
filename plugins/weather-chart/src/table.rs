use crate::types::Month;
use std::fmt::Write;

/// A row a month, in the order given. A number that is not there is an empty field.
pub(crate) fn csv<'a>(months: impl Iterator<Item = &'a Month>) -> String {
    let mut out = String::from(
        "month,days,days_missing,rows_rejected,temp_min_c,temp_mean_min_c,temp_mean_max_c,temp_max_c,\
         precipitation_mm,precipitation_max_day_mm,wet_days,wind_mean_m_s,partial\n",
    );
    let number = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
    for m in months {
        let mut rejected: Vec<u64> = m.rejected.iter().map(|fault| fault.line).collect();
        rejected.sort_unstable();
        rejected.dedup();
        let t = m.temperature.as_ref();
        let p = m.precipitation.as_ref();
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{},{},{},{},{},{},{},{},{},{},{},{},{}",
            m.month,
            m.days,
            m.missing_days.len(),
            rejected.len(),
            number(t.map(|t| t.min)),
            number(t.map(|t| t.mean_min)),
            number(t.map(|t| t.mean_max)),
            number(t.map(|t| t.max)),
            number(p.map(|p| p.total)),
            number(p.map(|p| p.wettest)),
            p.map(|p| p.wet_days.to_string()).unwrap_or_default(),
            number(m.wind),
            m.partial
        );
    }
    out
}
