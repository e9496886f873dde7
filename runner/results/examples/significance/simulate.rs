//! Groups of seeds drawn from real ones, and how often they are told apart.

use runner_random::{Key, Purpose, Stream};
use runner_results::significance::{Finding, Outcome, compare, components};

use crate::predictions::{Setting, accuracy};
use crate::theory::Theory;

/// How many pairs are drawn.
const PAIRS: u64 = 1_000;

/// How test images are drawn, the same for both sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Images {
    /// As many as there are, with replacement.
    Resampled,
    /// Half of the test and validation images, without replacement.
    Subset,
}

impl Images {
    pub fn describe(self) -> &'static str {
        match self {
            Self::Resampled => "  test images resampled with replacement",
            Self::Subset => "  half of the test and validation images, without replacement",
        }
    }

    fn draw(self, stream: &mut Stream, count: usize) -> Vec<usize> {
        match self {
            Self::Resampled => (0..count).map(|_| stream.below(count as u64) as usize).collect(),
            Self::Subset => stream.permutation(count).into_iter().take(count / 2).collect(),
        }
    }
}

/// How answers of A are changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// Not at all.
    None,
    /// Two points of right answers become wrong, on the same images for every seed.
    SameImages,
    /// Three points become wrong and one point right, on the same images for every seed.
    BothWays,
    /// Two points become wrong, on images that each seed has for itself.
    OwnImages,
}

impl Change {
    pub fn describe(self) -> &'static str {
        match self {
            Self::None => "",
            Self::SameImages => "  wrong on the same images for every seed",
            Self::BothWays => {
                "  three points wrong and one point right, on the same images for every seed"
            }
            Self::OwnImages => "  wrong on images of each seed's own",
        }
    }

    /// Changes whole settings so that their expected accuracy is two points lower.
    fn apply(self, stream: &mut Stream, rows: &mut [Vec<bool>], accuracy: f64) {
        let (lost, gained) = match self {
            Self::None => return,
            Self::SameImages | Self::OwnImages => (0.02 / accuracy, 0.0),
            Self::BothWays => (0.03 / accuracy, 0.01 / (1.0 - accuracy)),
        };
        let images = rows.first().map_or(0, Vec::len);
        let mut draw = || (0..images).map(|_| f64::from(stream.uniform())).collect::<Vec<_>>();
        let mut shared = draw();
        for row in rows {
            if self == Self::OwnImages {
                shared = draw();
            }
            for (right, chance) in row.iter_mut().zip(&shared) {
                *right = if *right { *chance >= lost } else { *chance < gained };
            }
        }
    }
}

/// One row of the results.
#[derive(Debug, Clone, Copy)]
pub struct Simulation {
    /// On each side.
    pub seeds: usize,
    pub images: Images,
    pub change: Change,
}

/// How often what was said.
pub struct Rates {
    seeds: usize,
    a_better: f64,
    b_better: f64,
    /// By McNemar's test alone, without an allowance for seeds.
    network_b_better: f64,
    theory: Theory,
}

impl Simulation {
    /// Draws pairs of groups: A from one setting, B from another or the rest of the same one.
    pub fn run(self, a: &Setting, b: &Setting) -> Rates {
        let mut rates = Rates {
            seeds: self.seeds,
            a_better: 0.0,
            b_better: 0.0,
            network_b_better: 0.0,
            theory: Theory::default(),
        };
        for pair in 0..PAIRS {
            let key = Key { sample: pair, ..Key::new(self.seeds as u64, Purpose::Resample) };
            let (a, b) = self.pair(&mut key.stream(), a, b);
            rates.add(&a, &b);
        }
        rates
    }

    fn pair(
        self,
        stream: &mut Stream,
        a: &Setting,
        b: &Setting,
    ) -> (Vec<Vec<bool>>, Vec<Vec<bool>>) {
        let of = |setting: &'_ Setting| match self.images {
            Images::Resampled => setting.test.clone(),
            Images::Subset => setting.held_out.clone(),
        };
        let (from_a, from_b) = (of(a), of(b));
        let same = std::ptr::eq(a, b);
        let order = stream.permutation(from_a.len());
        let other =
            if same { order[self.seeds..].to_vec() } else { stream.permutation(from_b.len()) };
        let images = self.images.draw(stream, from_a[0].len());
        let mean = from_a.iter().map(|row| accuracy(row)).sum::<f64>() / from_a.len() as f64;
        let pick = |rows: &[Vec<bool>], order: &[usize]| -> Vec<Vec<bool>> {
            let chosen = order.iter().take(self.seeds);
            chosen.map(|seed| images.iter().map(|image| rows[*seed][*image]).collect()).collect()
        };
        let (mut a, b) = (pick(&from_a, &order), pick(&from_b, &other));
        // Last: what an image loses is drawn anew with the image.
        self.change.apply(stream, &mut a, mean);
        (a, b)
    }
}

impl Rates {
    fn add(&mut self, a: &[Vec<bool>], b: &[Vec<bool>]) {
        let Some(finding) = compare(a, b, None) else { return };
        let one = 1.0 / PAIRS as f64;
        match finding.outcome() {
            Outcome::ABetter => self.a_better += one,
            Outcome::BBetter => self.b_better += one,
            Outcome::CannotTell => {}
        }
        match finding {
            Finding::Single(single) => {
                if single.network_outcome() == Outcome::BBetter {
                    self.network_b_better += one;
                }
            }
            Finding::Seeds(found) => {
                if let Some(parts) = components(a, b) {
                    self.theory.add(&parts, found.images, self.seeds, found.difference, one);
                }
            }
        }
    }

    pub fn print(&self) {
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let more = match self.seeds {
            1 => format!("; McNemar's test alone: B {}", percent(self.network_b_better)),
            // Two seeds have a floor that the theory does not know.
            2 => String::new(),
            _ => format!("; theory for this difference: B {}", percent(self.theory.power())),
        };
        let (a, b) = (percent(self.a_better), percent(self.b_better));
        println!("    {} on each side: B better {b}, A better {a}{more}", self.seeds);
    }
}
