//! Charts as pictures: bars in groups, one group a column, or lines from column to column; on a
//! logarithmic scale where the values differ by more than a hundred times.

use super::chart::{Chart, Drawn, median, spread};
use super::markdown::short;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 374.0;
const LEFT: f64 = 70.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 58.0;

/// Colours that the colour-blind tell apart (Okabe and Ito); ours is the first.
const COLOURS: [&str; 7] =
    ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#999999"];

pub(crate) fn draw(chart: &Chart) -> String {
    let medians = |row: &super::chart::Row| row.cells.iter().map(|cell| median(cell)).collect();
    let rows: Vec<Vec<f64>> = chart.rows.iter().map(medians).collect();
    let all: Vec<f64> = rows.iter().flatten().copied().filter(|value| *value > 0.0).collect();
    let (least, most) = spread(&all);
    let scale = Scale::over(least, most);
    let bottom = HEIGHT - BOTTOM;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    text(&mut svg, (LEFT, 20.0), "start", &format!("{} ({})", chart.title, chart.unit), 15);
    for value in scale.ticks() {
        let y = bottom - scale.height(value);
        svg += &format!(
            "<line x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\n"
        );
        text(&mut svg, (LEFT - 6.0, y + 4.0), "end", &short(value), 11);
    }
    let group = (WIDTH - LEFT - 10.0) / chart.columns.len().max(1) as f64;
    for (column, label) in chart.columns.iter().enumerate() {
        let middle = LEFT + group * (column as f64 + 0.5);
        // Long ones take two lines.
        let lines = label.rsplit_once(", ").map_or([label, ""], |(first, last)| [first, last]);
        for (line, y) in lines.into_iter().zip([16.0, 30.0]) {
            text(&mut svg, (middle, bottom + y), "middle", line, 11);
        }
    }
    for (row, values) in rows.iter().enumerate() {
        match chart.drawn {
            Drawn::Bars => bars(&mut svg, chart, (row, values), &scale, group),
            Drawn::Lines => line(&mut svg, chart, (row, values), &scale, group),
        }
    }
    text(&mut svg, (LEFT, HEIGHT - 8.0), "start", chart.along, 11);
    legend(&mut svg, chart);
    svg + "</svg>\n"
}

fn bars(
    svg: &mut String,
    chart: &Chart,
    (row, values): (usize, &[f64]),
    scale: &Scale,
    group: f64,
) {
    let bar = group * 0.8 / chart.rows.len().max(1) as f64;
    for (column, &value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        let x = LEFT + group * (column as f64 + 0.1) + bar * row as f64;
        let height = scale.height(value);
        *svg += &format!(
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\" \
             fill=\"{}\">{}</rect>\n",
            HEIGHT - BOTTOM - height,
            bar * 0.92,
            colour(row),
            tip(chart, row, column, value)
        );
    }
}

/// The medians joined, each with a stroke from the lowest to the highest.
fn line(
    svg: &mut String,
    chart: &Chart,
    (row, values): (usize, &[f64]),
    scale: &Scale,
    group: f64,
) {
    let y = |value: f64| HEIGHT - BOTTOM - scale.height(value);
    let colour = colour(row);
    let mut joined = String::new();
    for (column, &value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        let x = LEFT + group * (column as f64 + 0.5);
        let (low, high) = spread(&chart.rows[row].cells[column]);
        joined += &format!("{x:.1},{:.1} ", y(value));
        *svg += &format!(
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\"/>\n\
             <circle cx=\"{x:.1}\" cy=\"{:.1}\" r=\"3.5\" fill=\"{colour}\">{}</circle>\n",
            y(low),
            y(high),
            y(value),
            tip(chart, row, column, value)
        );
    }
    *svg += &format!(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n",
        joined.trim_end()
    );
}

fn colour(row: usize) -> &'static str {
    COLOURS[row % COLOURS.len()]
}

fn tip(chart: &Chart, row: usize, column: usize, value: f64) -> String {
    let (name, column) = (&chart.rows[row].name, &chart.columns[column]);
    format!("<title>{}, {}: {}</title>", escaped(name), escaped(column), short(value))
}

fn legend(svg: &mut String, chart: &Chart) {
    let mut x = LEFT;
    for (index, row) in chart.rows.iter().enumerate() {
        *svg += &format!(
            "<rect x=\"{x:.1}\" y=\"32\" width=\"12\" height=\"12\" fill=\"{}\"/>\n",
            colour(index)
        );
        text(svg, (x + 17.0, 43.0), "start", &row.name, 12);
        x += 34.0 + 7.0 * row.name.chars().count() as f64;
    }
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, words: &str, size: u32) {
    *svg += &format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\">{}</text>\n",
        escaped(words)
    );
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// From values to heights.
enum Scale {
    Linear {
        most: f64,
    },
    /// Powers of ten, from and to.
    Logarithmic {
        from: f64,
        to: f64,
    },
}

impl Scale {
    const ROOM: f64 = HEIGHT - TOP - BOTTOM;

    fn over(least: f64, most: f64) -> Self {
        match most / least > 100.0 {
            true => Self::Logarithmic { from: least.log10().floor(), to: most.log10().ceil() },
            false => Self::Linear { most: if most > 0.0 { most * 1.05 } else { 1.0 } },
        }
    }

    fn height(&self, value: f64) -> f64 {
        let part = match *self {
            Self::Linear { most } => value / most,
            Self::Logarithmic { from, to } => (value.max(1e-9).log10() - from) / (to - from),
        };
        part.clamp(0.0, 1.0) * Self::ROOM
    }

    fn ticks(&self) -> Vec<f64> {
        match *self {
            Self::Logarithmic { from, to } => {
                (from as i32..=to as i32).map(|power| 10f64.powi(power)).collect()
            }
            Self::Linear { most } => {
                // 1, 2 or 5 times a power of ten, so that there are four to ten of them.
                let power = 10f64.powf((most / 4.0).log10().floor());
                let fits = |step: &f64| most / step <= 10.0;
                let step = [1.0, 2.0, 5.0].map(|times| times * power).into_iter().find(fits);
                let step = step.unwrap_or(10.0 * power);
                (0..).map(|i| f64::from(i) * step).take_while(|tick| *tick <= most).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::chart::{Better, Chart};
    use super::{Scale, draw};

    #[test]
    fn every_value_has_its_bar() {
        let mut chart = Chart::new("A & B".to_owned(), "1/s", Better::Higher, "size");
        for (name, value) in [("ours", 300.0), ("<theirs>", 150.0)] {
            for column in ["1", "2", "3"] {
                chart.add(name, column, value);
            }
        }
        let lines = draw(&chart.clone().in_lines());
        assert_eq!((lines.matches("<circle").count(), lines.matches("<polyline").count()), (6, 2));
        let svg = draw(&chart);
        assert_eq!(svg.matches("<title>").count(), 6);
        assert!(svg.contains("A &amp; B") && svg.contains("&lt;theirs>"), "{svg}");
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    }

    #[test]
    fn scales_hold_their_values() {
        for (least, most) in [(1.0, 9.0), (0.001, 5.0), (90.0, 100.0), (3.0, 31_000.0)] {
            let scale = Scale::over(least, most);
            assert!(scale.height(most) <= Scale::ROOM && scale.height(most) > Scale::ROOM / 2.0);
            let ticks = scale.ticks().len();
            assert!((4..=12).contains(&ticks), "{least} to {most}: {ticks} ticks");
        }
    }
}
