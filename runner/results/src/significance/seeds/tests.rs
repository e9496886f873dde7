//! Against an analysis of variance by explicit sums and the one-shot U-statistics by brute force, both
//! in numpy 2 and scipy 1.17.

use super::*;
use crate::significance::{Finding, Outcome, compare, images_for_seeds, seeds_for_images};

/// Runs as rows of ones (right) and zeros.
struct Case {
    a: &'static str,
    b: &'static str,
    one_shot: f64,
    difference: f64,
    standard_error: f64,
    degrees: f64,
    p_value: f64,
    low: f64,
}

fn rows(text: &str) -> Vec<Vec<bool>> {
    text.split(' ').map(|row| row.chars().map(|c| c == '1').collect()).collect()
}

#[test]
fn estimates_are_those_of_the_reference() {
    for case in CASES {
        let (a, b) = (rows(case.a), rows(case.b));
        let Some(found) = seeds_and_images(&a, &b, None) else { panic!("several seeds") };
        let c = components(&a, &b).map_or(f64::NAN, |c| {
            c.seeds.iter().sum::<f64>() + c.images - c.chance.iter().sum::<f64>()
        });
        let pairs = [
            (c, case.one_shot),
            (found.difference, case.difference),
            (found.standard_error, case.standard_error),
            (found.degrees / case.degrees, 1.0),
            (found.p_value, case.p_value),
            (found.interval[0], case.low),
        ];
        for (index, (found, expected)) in pairs.into_iter().enumerate() {
            assert!((found - expected).abs() < 1e-9, "{}: {index}: {found} {expected}", case.a);
        }
    }
}

#[test]
fn one_seed_is_taken_to_vary_as_the_other_side_does() {
    let (a, b) = (rows("1110110010"), rows("1111110011 1111110111 1110111111"));
    let Some(found) = components(&a, &b) else { panic!("several seeds") };
    assert!((found.seeds[0] - 3.0 * found.seeds[1]).abs() < 1e-15);
    assert!((found.chance[0] - 3.0 * found.chance[1]).abs() < 1e-15);
    let swapped = seeds_and_images(&b, &a, None).map(|s| (s.difference, s.degrees));
    let straight = seeds_and_images(&a, &b, None).map(|s| (-s.difference, s.degrees));
    assert_eq!(swapped, straight);
    // At least by the spread that is assumed: 0.5² and the chance at single images, for A alone.
    let Some(wide) = seeds_and_images(&a, &b, Some(0.5)) else { panic!("several seeds") };
    let step = 0.01;
    let expected = 0.25 + found.chance[0] + found.seeds[1] + found.settings() + step;
    assert!((wide.standard_error.powi(2) - expected).abs() < 1e-12, "{wide:?}");
    assert_eq!(wide.spread, Some(0.5));
}

#[test]
fn runs_that_are_all_the_same_tell_nothing_and_need_no_seeds() {
    let same = rows("1101 1101");
    let Some(found) = compare(&same, &same, None) else { panic!("several seeds") };
    assert_eq!(found.outcome(), Outcome::CannotTell);
    let Finding::Seeds(found) = found else { panic!("several seeds") };
    assert_eq!((found.difference, found.p_value), (0.0, 1.0));
    assert_eq!((images_for_seeds(&found), seeds_for_images(&found)), (None, None));
    // Right on every image against wrong on every one: as many images as McNemar's test needs, and more.
    let (right, wrong) = (rows("1111111111 1111111111"), rows("0000000000 0000000000"));
    let found = compare(&wrong, &right, None).map(|found| found.outcome());
    assert_eq!(found, Some(Outcome::BBetter));
    assert_eq!(compare(&rows("1 1"), &rows("1 0"), None), None);
    assert_eq!(compare(&[], &rows("11 10"), None), None);
    assert_eq!(compare(&rows("11"), &rows("110 100"), None), None);
}

#[test]
fn few_images_are_not_taken_for_many() {
    // Four images on which B alone is right and none the other way: McNemar's p-value is 0.125.
    let a: Vec<bool> = (0..1000).map(|image| image >= 4).collect();
    let b = vec![true; 1000];
    let Some(found) = seeds_and_images(&[a.clone(), a], &[b.clone(), b], None) else {
        panic!("seeds")
    };
    assert!((0.09..0.13).contains(&found.p_value), "{}", found.p_value);
}

#[test]
fn what_is_needed_would_do() {
    let (a, b) = (rows(CASES[1].a), rows(CASES[1].b));
    let Some(found) = seeds_and_images(&a, &b, None) else { panic!("several seeds") };
    // With twice the difference a quarter of the variance would do: seeds and images both count.
    let c = found.components;
    let wide = SeedsAndImages { difference: 0.5, ..found.clone() };
    let Some(images) = images_for_seeds(&wide) else { panic!("half of all images") };
    let chance: f64 = c.chance.iter().sum();
    let seeds = (c.seeds.iter().sum::<f64>() - chance).max(0.0);
    let at = |images: f64| seeds + (chance + c.settings()) * found.images as f64 / images;
    // 1.960 + 0.842 standard errors.
    let target = (0.5 / 2.801_585_2_f64).powi(2);
    assert!(at(images) <= target && at(images - 1.0) > target, "{images}");
    let tiny = SeedsAndImages { difference: 1e-4, ..found };
    assert_eq!(seeds_for_images(&tiny), None);
}

const CASES: &[Case] = &[
    Case {
        a: "111111111110101110111111011011 111110111110111111111111111011",
        b: "110110111110101111111101010011 111110111110111111111111011011",
        one_shot: 0.005_019_157_088_122_586,
        difference: -0.066_666_666_666_666_65,
        standard_error: 0.088_191_710_368_819_72,
        degrees: 2.449_999_999_999_999,
        p_value: 0.515_678_182_602_664_8,
        low: -0.386_572_714_906_739_5,
    },
    Case {
        a: "1111111111111111110111101111101101111111 1101111101111110110111101111101100111111 0111111111111110110111101111101110111111",
        b: "1110111101111111111111111111111110111110 1110111101111101110111111111111100111111 1110111111111101111111111111111101111110 1110111111111101111111111111011101111110 1110111101111101110111111111111111111111",
        one_shot: 0.003_596_794_871_794_954_3,
        difference: 0.035_000_000_000_000_03,
        standard_error: 0.064_975_340_490_026_46,
        degrees: 18.582_122_277_357_47,
        p_value: 0.596_512_162_493_045_4,
        low: -0.101_202_239_734_728,
    },
    Case {
        a: "111111101111010111010011100000001011000101001010111000110011 111011111111011111110111100010011011010101111010101001110111 101011101111010111010111110110011011010101111011111011110011 101010101111011111010111110010001011010101011011111001110111 111111101111011111110111110010011011000101111011111000100010",
        b: "101111111111011101010111110100111011110101111111111001110011 101011101111011101110011100000111011000101111010111000110011 111111101111011111010111110011011011100101111111111000110011 101111111111011101110111101111011011010101111010111001111011 111111111111011101110111100010011011110101111011111001110110",
        one_shot: 0.001_735_593_220_338_963_3,
        difference: 0.060_000_000_000_000_05,
        standard_error: 0.044_870_602_827_650_53,
        degrees: 12.041_329_544_307_16,
        p_value: 0.205_876_667_814_516,
        low: -0.037_727_441_560_152_7,
    },
    Case {
        a: "01010101110111111010100111110111100110011101101101 01010001110111111110100111110111100111011101101101 01010001010111000110110011110111100110011101101101 01010101110111101110110010100111100110011101111101",
        b: "11010111011111101111101111111111111111101111101101 11010111011111101110101111111111111111111111101101",
        one_shot: 0.004_013_605_442_176_826,
        difference: 0.199_999_999_999_999_96,
        standard_error: 0.070_826_030_035_660_22,
        degrees: 38.574_795_742_010_57,
        p_value: 0.007_469_749_807_141_046,
        low: 0.056_690_326_146_435_1,
    },
    Case {
        a: "111111110111110111111011001111110111 111111110011111111111011001111010111 111101110011110111111011111111110111 101101110011111111101011001111110111 111101110011110111101011011111010101",
        b: "111101111111111111111111111111111111 111111111111111111111011111111111111 111111111111111111111111111111110111",
        one_shot: 0.002_394_179_894_179_865_3,
        difference: 0.183_333_333_333_333_35,
        standard_error: 0.056_265_307_538_940_01,
        degrees: 39.091_339_802_220_93,
        p_value: 0.002_322_286_812_303_652,
        low: 0.069_534_508_205_698_4,
    },
    Case {
        a: "011110100111111111011110111101 010100110111110111010110111100",
        b: "010110100111111111111110111101 111110101111110111101110111100 110110111111110111111110111100 111111111111111111111110111101",
        one_shot: 0.006_522_988_505_747_273,
        difference: 0.116_666_666_666_666_7,
        standard_error: 0.087_373_334_701_487_99,
        degrees: 2.765_554_769_083_212_5,
        p_value: 0.281_051_900_479_141_8,
        low: -0.175_217_080_539_507_8,
    },
];
