//! What was measured of several contestants at several points.

/// Whether more is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    Higher,
    Lower,
}

/// How it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drawn {
    /// The columns have nothing to do with each other.
    Bars,
    /// The columns are steps of one quantity: what grows with it is seen.
    Lines,
}

/// One thing that was measured.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    pub(crate) drawn: Drawn,
    /// What the columns are.
    pub(crate) along: &'static str,
    pub(crate) columns: Vec<String>,
    /// The first is the one that the others are beside.
    pub(crate) rows: Vec<Row>,
}

/// A contestant.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// For each column, what was measured in each round.
    pub(crate) cells: Vec<Vec<f64>>,
}

impl Chart {
    pub(crate) fn new(
        title: String,
        unit: &'static str,
        better: Better,
        along: &'static str,
    ) -> Self {
        let (columns, rows) = (Vec::new(), Vec::new());
        Self { title, unit, better, drawn: Drawn::Bars, along, columns, rows }
    }

    pub(crate) fn in_lines(mut self) -> Self {
        self.drawn = Drawn::Lines;
        self
    }

    /// One more round's value. What is not a number could not be measured: its cell stays empty.
    pub(crate) fn add(&mut self, contestant: &str, column: &str, value: f64) {
        let row = position(
            &mut self.rows,
            |row| row.name == contestant,
            || Row { name: contestant.to_owned(), cells: Vec::new() },
        );
        if !value.is_finite() {
            return;
        }
        let column = position(&mut self.columns, |name| name == column, || column.to_owned());
        let cells = &mut self.rows[row].cells;
        cells.resize(cells.len().max(column + 1), Vec::new());
        cells[column].push(value);
    }

    /// Whether there is a value in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.iter().flat_map(|row| &row.cells).all(Vec::is_empty)
    }

    /// How much better the first contestant is than `row` in `column`: the median of the ratios,
    /// round by round, so that a machine that changes its speed changes nothing. Above 1 is ahead.
    pub(crate) fn ahead(&self, row: &Row, column: usize) -> Option<f64> {
        let (own, other) = (self.rows.first()?.cells.get(column)?, row.cells.get(column)?);
        let ratios = own.iter().zip(other).map(|(own, other)| match self.better {
            Better::Higher => own / other,
            Better::Lower => other / own,
        });
        let ratios: Vec<f64> = ratios.filter(|ratio| ratio.is_finite()).collect();
        (!ratios.is_empty()).then(|| median(&ratios))
    }

    /// A name for its file.
    pub(crate) fn slug(&self) -> String {
        let lower = self.title.to_lowercase();
        let words = lower.split(|c: char| !c.is_ascii_alphanumeric());
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
    }
}

/// Where the first that fits is; it is put there when there is none.
fn position<T>(all: &mut Vec<T>, fits: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> usize {
    all.iter().position(fits).unwrap_or_else(|| {
        all.push(new());
        all.len() - 1
    })
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

/// The lowest and the highest.
pub(crate) fn spread(values: &[f64]) -> (f64, f64) {
    let all = values.iter().copied();
    (all.clone().fold(f64::INFINITY, f64::min), all.fold(f64::NEG_INFINITY, f64::max))
}

#[cfg(test)]
mod tests {
    use super::{Better, Chart, median, spread};

    #[test]
    fn ratios_are_taken_round_by_round() {
        let mut chart = Chart::new("Echo: so much".to_owned(), "MB/s", Better::Higher, "size");
        // The machine got twice as fast in the second round.
        for (ours, theirs) in [(20.0, 10.0), (40.0, 20.0), (21.0, 10.0)] {
            chart.add("ours", "1 KiB", ours);
            chart.add("theirs", "1 KiB", theirs);
        }
        assert_eq!(chart.ahead(&chart.rows[1], 0), Some(2.0));
        assert_eq!(chart.ahead(&chart.rows[1], 1), None);
        chart.add("another", "1 KiB", f64::NAN);
        assert!(chart.rows[2].cells.is_empty() && !chart.is_empty());
        chart.better = Better::Lower;
        assert_eq!(chart.ahead(&chart.rows[1], 0), Some(0.5));
        assert_eq!(chart.slug(), "echo-so-much");
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(spread(&[4.0, 1.0]), (1.0, 4.0));
    }
}
