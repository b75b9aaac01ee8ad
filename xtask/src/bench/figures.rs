//! From samples to figures: medians, paired ratios, tables and bars.

/// What one contender showed in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Processor time of a call, in microseconds.
    pub(crate) cpu_us: f64,
    /// Median time of a call, one at a time, in microseconds; not taken over TLS.
    pub(crate) p50_us: Option<f64>,
}

/// A contender's samples, one for each round.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: &'static str,
    pub(crate) samples: Vec<Sample>,
}

/// The middle one of some numbers; of two, what lies between them.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let at = |index: usize| numbers.get(index).copied().unwrap_or(f64::NAN);
    let half = numbers.len() / 2;
    if numbers.len() % 2 == 1 { at(half) } else { f64::midpoint(at(half.wrapping_sub(1)), at(half)) }
}

impl Series {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, samples: Vec::new() }
    }

    /// The median of the processor time of a call, in microseconds.
    pub(crate) fn cpu_us(&self) -> f64 {
        median(self.samples.iter().map(|sample| sample.cpu_us).collect())
    }

    /// The lowest and the highest processor time of a call.
    pub(crate) fn span_us(&self) -> (f64, f64) {
        let times = || self.samples.iter().map(|sample| sample.cpu_us);
        (times().fold(f64::INFINITY, f64::min), times().fold(0.0, f64::max))
    }

    /// The median of what `pair` makes of both contenders' samples of the same round.
    fn paired(&self, other: &Series, pair: impl Fn(&Sample, &Sample) -> Option<f64>) -> f64 {
        let both = self.samples.iter().zip(&other.samples);
        median(both.filter_map(|(ours, theirs)| pair(ours, theirs)).collect())
    }

    /// How often as much processor time as the other's in the same round.
    pub(crate) fn ratio(&self, other: &Series) -> f64 {
        self.paired(other, |ours, theirs| Some(ours.cpu_us / theirs.cpu_us))
    }

    /// How much more processor time than the other's in the same round, in microseconds.
    pub(crate) fn more_us(&self, other: &Series) -> f64 {
        self.paired(other, |ours, theirs| Some(ours.cpu_us - theirs.cpu_us))
    }

    /// How much longer a call takes than with the other in the same round, in microseconds.
    pub(crate) fn added_p50_us(&self, other: &Series) -> f64 {
        self.paired(other, |ours, theirs| Some(ours.p50_us? - theirs.p50_us?))
    }
}

/// Rows of a table in Markdown.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let rule = head.iter().enumerate().map(|(column, _)| if column == 0 { "---" } else { "---:" }).collect();
    let body = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    line(head.to_vec()) + &line(rule) + &body.collect::<String>()
}

/// A bar for each figure, the lowest first.
pub(crate) fn bars(figures: &[(&str, f64)]) -> String {
    let mut figures = figures.to_vec();
    figures.sort_by(|one, other| one.1.total_cmp(&other.1));
    let highest = figures.last().map_or(1.0, |last| last.1);
    let widest = figures.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let bar = |(name, figure): &(&str, f64)| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 50")]
        let length = (figure / highest * 50.0).round().clamp(1.0, 50.0) as usize;
        format!("{name:widest$}  {} {figure:.1}\n", "█".repeat(length))
    };
    figures.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &'static str, times: &[f64]) -> Series {
        Series { name, samples: times.iter().map(|time| Sample { cpu_us: *time, p50_us: Some(time * 3.0) }).collect() }
    }

    #[test]
    fn medians_are_of_the_middle() {
        assert!((median(vec![9.0, 1.0, 5.0]) - 5.0).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0, 2.0, 9.0]) - 3.0).abs() < 1e-9);
        assert!(median(vec![]).is_nan());
    }

    #[test]
    fn contenders_are_compared_within_a_round() {
        // The machine drifts: the second round is twice as slow for both.
        let (ours, theirs) = (series("ours", &[9.0, 18.0, 9.0]), series("theirs", &[10.0, 20.0, 10.0]));
        assert!((ours.ratio(&theirs) - 0.9).abs() < 1e-9);
        assert!((ours.more_us(&theirs) + 1.0).abs() < 1e-9);
        assert!((ours.added_p50_us(&theirs) + 3.0).abs() < 1e-9);
    }

    #[test]
    fn the_lowest_bar_comes_first() {
        assert_eq!(
            bars(&[("b", 50.0), ("aa", 25.0)]),
            format!("aa  {} 25.0\nb   {} 50.0\n", "█".repeat(25), "█".repeat(50))
        );
    }
}
