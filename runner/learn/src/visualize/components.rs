//! Principal components, by a singular value decomposition of the centred values: no iteration that
//! might stop too early where two components are nearly as large.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

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
    let all = values.norm_squared();
    // The smaller of the two products has the same eigenvalues.
    let by_rows = count <= length;
    let product = if by_rows { &values * values.transpose() } else { values.tr_mul(&values) };
    let SymmetricEigen { eigenvectors, eigenvalues } = product.symmetric_eigen();
    let mut order: Vec<usize> = (0..eigenvalues.len()).collect();
    order.sort_by(|a, b| eigenvalues[*b].total_cmp(&eigenvalues[*a]));
    let mut found = Components { along: Vec::new(), explained: Vec::new(), directions: Vec::new() };
    for component in 0..components {
        let vector = order.get(component).map(|index| eigenvectors.column(*index).into_owned());
        let direction = match vector {
            // From a combination of rows to the direction that it points in.
            Some(vector) if by_rows => values.tr_mul(&vector),
            Some(vector) => vector,
            None => DVector::zeros(length),
        };
        let size = direction.norm();
        // Rounding alone makes something of nothing.
        let is_there = all > 0.0 && size > 0.0;
        let direction = if is_there { direction / size } else { DVector::zeros(length) };
        let along = &values * &direction;
        found.explained.push(along.norm_squared() / all.max(f64::MIN_POSITIVE));
        found.along.push(along.iter().copied().collect());
        found.directions.push(direction.iter().copied().collect());
    }
    found
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
}
