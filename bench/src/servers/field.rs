//! The contestants of one group on the track: started together, measured in turn.

use std::cell::RefCell;
use std::time::Duration;

use super::contestants::{self, Contestant, Leaf, Material};
use super::load::Load;
use super::process::Running;
use super::{Group, How};
use crate::absent::Absent;
use crate::contestant::Failure;
use crate::report::chart::Chart;

/// Those of a group that this machine has, and that are wanted.
pub(crate) struct Field<'a> {
    pub(crate) group: Group,
    pub(crate) how: &'a How,
    pub(crate) material: &'a Material,
    absent: &'a Absent,
    contestants: Vec<Contestant>,
}

/// Where on the axis a measurement is taken, and how often.
pub(crate) struct Point<X> {
    pub(crate) label: String,
    pub(crate) x: X,
    /// Costly ones are taken once, at the end.
    pub(crate) once: bool,
}

impl<X> Point<X> {
    pub(crate) fn new(label: impl ToString, x: X) -> Self {
        Self { label: label.to_string(), x, once: false }
    }
}

/// What the first round takes of each.
const WARM_UP: Duration = Duration::from_millis(200);

impl<'a> Field<'a> {
    /// Who is wanted and not there is noted. Without ours there is nothing to compare with.
    pub(crate) fn of(
        group: Group,
        how: &'a How,
        material: &'a Material,
        absent: &'a Absent,
    ) -> Result<Self, Failure> {
        let mut field = Self { group, how, material, absent, contestants: Vec::new() };
        for (index, contestant) in contestants::all(group).into_iter().enumerate() {
            if !how.wants(contestant.name()) {
                continue;
            }
            match (contestant.version(), index) {
                (Some(_), _) => field.contestants.push(contestant),
                (None, 0) => {
                    return Err(format!("{} is not built: bench/setup", contestant.name()).into());
                }
                (None, _) => {
                    field.absent(contestant.name(), "not on this machine; see bench/setup");
                }
            }
        }
        Ok(field)
    }

    pub(crate) fn title(&self, what: &str) -> String {
        format!("{}: {what}", self.group.title())
    }

    /// Starts all, measures each at every point once a round, in turn, and ends all. The first round
    /// warms up. `take` gives a value for each of `charts`. Who does not start, or breaks down, is
    /// noted and not asked again.
    pub(crate) fn interleaved<X>(
        &self,
        (leaf, cores): (Leaf, usize),
        charts: &mut [Chart],
        points: &[Point<X>],
        take: impl Fn(&Running, &Load, &X) -> Result<Vec<f64>, Failure>,
    ) -> Result<(), Failure> {
        let running = RefCell::new(self.start_all(leaf, cores));
        let rounds = self.how.rounds();
        for round in 0..=rounds {
            let time = if round == 0 { WARM_UP } else { self.how.time() };
            for point in points.iter().filter(|point| round == rounds || !point.once) {
                running.borrow_mut().retain(|server| {
                    let load = Load::new(server, time.min(self.how.time()));
                    let taken = load.and_then(|load| take(server, &load, &point.x));
                    let values = match taken {
                        Ok(values) => values,
                        Err(e) => {
                            let why = format!("failed at {}: {e}", point.label);
                            self.absent(&server.name, &why);
                            return false;
                        }
                    };
                    eprint!(
                        "\r{} {} {round}/{rounds}: {values:.1?}\x1b[K",
                        server.name, point.label
                    );
                    if round > 0 {
                        for (chart, value) in charts.iter_mut().zip(values) {
                            chart.add(&server.name, &point.label, value);
                        }
                    }
                    true
                });
            }
        }
        eprintln!();
        Ok(())
    }

    /// Each by itself, freshly started.
    pub(crate) fn one_by_one(
        &self,
        (leaf, cores): (Leaf, usize),
        mut measure: impl FnMut(&Running, &Load) -> Result<(), Failure>,
    ) {
        for contestant in &self.contestants {
            let started = contestant.start(self.material, leaf, cores);
            let measured =
                started.and_then(|server| measure(&server, &Load::new(&server, self.how.time())?));
            if let Err(e) = measured {
                self.absent(contestant.name(), &format!("failed: {e}"));
            }
        }
    }

    fn start_all(&self, leaf: Leaf, cores: usize) -> Vec<Running> {
        let start = |contestant: &Contestant| match contestant.start(self.material, leaf, cores) {
            Ok(running) => Some(running),
            Err(e) => {
                self.absent(contestant.name(), &format!("does not start: {e}"));
                None
            }
        };
        self.contestants.iter().filter_map(start).collect()
    }

    fn absent(&self, who: &str, why: &str) {
        self.absent.note(&format!("{who} ({})", self.group.title()), why);
    }
}
