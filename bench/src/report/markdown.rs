//! Charts as tables.

use super::chart::{Better, Chart, median, spread};

/// Medians with their spread, and how far the first contestant is ahead of each other one.
pub(crate) fn table(chart: &Chart) -> String {
    let better = match chart.better {
        Better::Higher => "more is better",
        Better::Lower => "less is better",
    };
    let mut text = format!("### {} ({}; {better})\n\n", chart.title, chart.unit);
    text += &format!("| {} |", chart.along);
    text.extend(chart.columns.iter().map(|column| format!(" {column} |")));
    text += "\n|---|";
    text.extend(chart.columns.iter().map(|_| "---:|"));
    text += "\n";
    for (index, row) in chart.rows.iter().enumerate() {
        text += &format!("| {} |", row.name);
        for (column, values) in row.cells.iter().enumerate() {
            if values.is_empty() {
                text += " not measured |";
                continue;
            }
            let (low, high) = spread(values);
            let cell = format!(" {} ({} to {})", short(median(values)), short(low), short(high));
            text += &cell;
            if index > 0
                && let Some(ahead) = chart.ahead(row, column)
            {
                text += &format!(" **{ahead:.2}**");
            }
            text += " |";
        }
        text += &" not measured |".repeat(chart.columns.len() - row.cells.len());
        text += "\n";
    }
    text
}

/// Three digits that matter.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0..100.0 => format!("{value:.1}"),
        1.0..10.0 => format!("{value:.2}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::chart::{Better, Chart};
    use super::table;

    #[test]
    fn a_table_has_medians_spread_and_ratios() {
        let mut chart = Chart::new("T".to_owned(), "1/s", Better::Higher, "size");
        for (name, value) in [("ours", 300.0), ("theirs", 150.0)] {
            chart.add(name, "1 B", value);
        }
        chart.add("theirs", "2 B", 150.0);
        let expected = "### T (1/s; more is better)\n\n| size | 1 B | 2 B |\n|---|---:|---:|\n\
                        | ours | 300 (300 to 300) | not measured |\n\
                        | theirs | 150 (150 to 150) **2.00** | 150 (150 to 150) |\n";
        assert_eq!(table(&chart), expected);
    }
}
