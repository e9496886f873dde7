//! Principal components: by all eigenvalues of the smaller product of the centred values with
//! themselves, or, where that is large, by iterating a subspace until what is left over is nothing
//! but rounding.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

/// Rows or columns, whichever are fewer, up to which all eigenvalues are computed; their time grows
/// with the third power.
const SMALL: usize = 600;

/// Directions that are iterated beyond those asked for: the more, the fewer iterations.
const BEYOND: usize = 14;

/// Relative to the largest eigenvalue: what may be left over of a component.
const TOLERANCE: f64 = 1e-11;

/// Iterations after which all eigenvalues are computed after all.
const MOST: usize = 500;

/// The directions in which some rows differ most.
#[derive(Debug, Clone, PartialEq)]
pub struct Components {
    /// Each row along each component, component by component.
    pub along: Vec<Vec<f64>>,
    /// The share of all variance along each.
    pub explained: Vec<f64>,
    /// Each component, of length one.
    pub directions: Vec<Vec<f64>>,
}

/// The first `components` of `rows`, which hold `[count, length]` values row by row, less the mean
/// of each column. A component without variance is zero. The sign of a component is arbitrary.
#[must_use]
pub fn principal(rows: &[f64], count: usize, components: usize) -> Components {
    let length = rows.len() / count.max(1);
    let mut values = DMatrix::from_row_slice(count, length, rows);
    for mut column in values.column_iter_mut() {
        let mean = column.mean();
        column.add_scalar_mut(-mean);
    }
    let found = match count.min(length) > SMALL {
        true => iterated(&values, components).unwrap_or_else(|| decomposed(&values, components)),
        false => decomposed(&values, components),
    };
    measured(&values, found, components)
}

/// Each direction with its size, and the share of the variance along it.
fn measured(values: &DMatrix<f64>, mut found: Vec<DVector<f64>>, components: usize) -> Components {
    let all = values.norm_squared();
    found.resize(components, DVector::zeros(values.ncols()));
    let mut measured =
        Components { along: Vec::new(), explained: Vec::new(), directions: Vec::new() };
    for direction in found {
        let size = direction.norm();
        // Rounding alone makes something of nothing.
        let is_there = all > 0.0 && size > 0.0;
        let direction = if is_there { direction / size } else { direction * 0.0 };
        let along = values * &direction;
        measured.explained.push(along.norm_squared() / all.max(f64::MIN_POSITIVE));
        measured.along.push(along.iter().copied().collect());
        measured.directions.push(direction.iter().copied().collect());
    }
    measured
}

/// By all eigenvalues of the smaller product; the larger has the same.
fn decomposed(values: &DMatrix<f64>, components: usize) -> Vec<DVector<f64>> {
    let by_rows = values.nrows() <= values.ncols();
    let product = if by_rows { values * values.transpose() } else { values.tr_mul(values) };
    let (vectors, _) = sorted(product);
    let vectors = vectors.column_iter().take(components);
    // From a combination of rows to the direction that it points in.
    vectors
        .map(|vector| if by_rows { values.tr_mul(&vector) } else { vector.into_owned() })
        .collect()
}

/// The eigenvectors of a symmetric matrix as columns and their values, largest first.
fn sorted(matrix: DMatrix<f64>) -> (DMatrix<f64>, Vec<f64>) {
    let SymmetricEigen { eigenvectors, eigenvalues } = matrix.symmetric_eigen();
    let mut order: Vec<usize> = (0..eigenvalues.len()).collect();
    order.sort_by(|a, b| eigenvalues[*b].total_cmp(&eigenvalues[*a]));
    let values = order.iter().map(|index| eigenvalues[*index]).collect();
    (eigenvectors.select_columns(&order), values)
}

/// By subspace iteration with Rayleigh and Ritz's values; `None` where it takes too long.
fn iterated(values: &DMatrix<f64>, components: usize) -> Option<Vec<DVector<f64>>> {
    let length = values.ncols();
    // Any start will do that is not at right angles to a component; this one is the same each time.
    let start = DMatrix::from_fn(length, components + BEYOND, |row, column| {
        ((row * (2 * column + 1) + column) as f64 * 0.754_877_666).fract() - 0.5
    });
    let mut basis = start.qr().q();
    for _ in 0..MOST {
        let along = values * &basis;
        let (turn, sizes) = sorted(along.tr_mul(&along));
        let (turned, next) = (&basis * &turn, values.tr_mul(&along) * &turn);
        let is_done = |index: usize| {
            let rest = next.column(index) - turned.column(index) * sizes[index];
            rest.norm() <= TOLERANCE * sizes[0]
        };
        if (0..components).all(is_done) {
            let first = turned.column_iter().take(components);
            return Some(first.map(|column| column.into_owned()).collect());
        }
        basis = next.qr().q();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_components_that_are_nearly_as_large_are_told_apart() {
        // Along the first axis ±1, along the second ±0.9999, four rows, in a room of six.
        let mut rows = vec![0.0; 24];
        (rows[0], rows[6], rows[13], rows[19]) = (1.0, -1.0, 0.9999, -0.9999);
        let found = principal(&rows, 4, 3);
        let near = |got: f64, expected: f64| (got.abs() - expected).abs() < 1e-12;
        assert!(near(found.directions[0][0], 1.0) && near(found.directions[0][1], 0.0));
        assert!(near(found.along[1][2], 0.9999) && near(found.along[1][0], 0.0));
        assert!(near(found.explained[0], 1.0 / (1.0 + 0.9999 * 0.9999)));
        assert!(near(found.explained[2], 0.0), "{found:?}");
        // The same the other way round: more rows than columns.
        let columns: Vec<f64> = (0..6)
            .flat_map(|x| (0..4).map(move |y| (x, y)))
            .map(|(x, y)| rows[y * 6 + x])
            .collect();
        assert!(principal(&columns, 6, 1).explained[0] > 0.4);
    }
    #[test]
    fn iterating_finds_what_all_eigenvalues_say() {
        // Pseudo-random values with five directions that stand out by 1, 1/2, …, 1/5.
        let (count, length) = (80, 50);
        let noise = |index: usize| ((index * 7_919 % 10_007) as f64 * 0.618_033_988).fract() - 0.5;
        let rows = DMatrix::from_fn(count, length, |row, column| {
            let strong = (0..5).map(|k| {
                noise(row * 5 + k) * noise(1_000 + column * 5 + k) * 20.0 / (k + 1) as f64
            });
            strong.sum::<f64>() + noise(row * length + column + 3_000)
        });
        let by_all = measured(&rows, decomposed(&rows, 3), 3);
        let by_steps = measured(&rows, iterated(&rows, 3).unwrap_or_default(), 3);
        for component in 0..3 {
            let pairs = by_all.directions[component].iter().zip(&by_steps.directions[component]);
            let same: f64 = pairs.map(|(a, b)| a * b).sum();
            assert!((same.abs() - 1.0).abs() < 1e-9, "component {component}: {same}");
            let (a, b) = (by_all.explained[component], by_steps.explained[component]);
            assert!((a - b).abs() < 1e-12, "{a} {b}");
        }
    }
}
