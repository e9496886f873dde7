use super::*;

fn description() -> Description {
    Description {
        layer: "block5_pool".to_owned(),
        shape: "(1, 1, 3)".to_owned(),
        values: 3,
        image_size: [32, 32],
        preprocessing: "rescale".to_owned(),
        precision: FeaturePrecision::F32,
        device: "cpu".to_owned(),
        weights: "w".to_owned(),
        implementation: "i".to_owned(),
        view: None,
    }
}

#[test]
fn gives_back_what_was_put_and_nothing_that_is_damaged() -> Result<(), Box<dyn std::error::Error>> {
    let root = tempfile::tempdir()?;
    let cache = FeatureCache::open(root.path(), &description());
    let image = *blake3::hash(b"an image").as_bytes();
    assert_eq!(cache.get(&image), None);
    assert!(cache.put(&image, &[1.0, -0.0, f32::MIN_POSITIVE]));
    assert_eq!(cache.get(&image), Some(vec![1.0, -0.0, f32::MIN_POSITIVE]));
    let path = cache.path(&image);
    let mut bytes = std::fs::read(&path)?;
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, &bytes)?;
    assert_eq!(cache.get(&image), None, "one bit is off");
    std::fs::write(&path, &bytes[..last])?;
    assert_eq!(cache.get(&image), None, "the end is missing");
    Ok(())
}

#[test]
fn an_entry_in_the_place_of_another_does_not_count() -> Result<(), Box<dyn std::error::Error>> {
    let root = tempfile::tempdir()?;
    let cache = FeatureCache::open(root.path(), &description());
    let [one, two] = [b"one", b"two"].map(|bytes| *blake3::hash(bytes).as_bytes());
    assert!(cache.put(&one, &[1.0; 3]) && cache.put(&two, &[2.0; 3]));
    let copied = std::fs::read(cache.path(&one))?;
    std::fs::write(cache.path(&two), copied)?;
    assert_eq!((cache.get(&one), cache.get(&two)), (Some(vec![1.0; 3]), None));
    // Of another prefix neither.
    let other = Description { weights: "v".to_owned(), ..description() };
    let other = FeatureCache::open(root.path(), &other);
    std::fs::create_dir_all(other.path(&one).parent().ok_or("no parent")?)?;
    std::fs::copy(cache.path(&one), other.path(&one))?;
    assert_eq!(other.get(&one), None);
    Ok(())
}

#[test]
fn what_cannot_be_kept_is_no_error() -> Result<(), Box<dyn std::error::Error>> {
    let root = tempfile::tempdir()?;
    let cache = FeatureCache::open(root.path(), &description());
    let [one, two] = [b"one", b"two"].map(|bytes| *blake3::hash(bytes).as_bytes());
    std::fs::create_dir_all(cache.path(&one))?;
    assert_eq!((cache.get(&one), cache.put(&one, &[1.0; 3])), (None, false));
    assert!(cache.put(&two, &[1.0; 3]) && cache.refused().is_none());
    // A file where the folder of all features would be.
    let file = tempfile::tempdir()?;
    std::fs::write(file.path().join("features"), "x")?;
    let cache = FeatureCache::open(file.path(), &description());
    assert!(!cache.put(&one, &[1.0; 3]) && cache.get(&one).is_none());
    assert!(cache.refused().is_some_and(|reason| reason.contains("features")));
    Ok(())
}

#[test]
fn sixteen_bits_take_half_the_space() -> Result<(), Box<dyn std::error::Error>> {
    let root = tempfile::tempdir()?;
    let image = *blake3::hash(b"an image").as_bytes();
    let small = Description { precision: FeaturePrecision::F16, ..description() };
    let cache = FeatureCache::open(root.path(), &small);
    // 2049 has twelve significant bits: it goes to the even neighbour.
    assert!(cache.put(&image, &[1.0, 2049.0, 0.1]));
    assert_eq!(cache.get(&image), Some(vec![1.0, 2048.0, 0.099_975_586]));
    assert_eq!(std::fs::metadata(cache.path(&image))?.len(), 40 + 6);
    Ok(())
}

#[test]
fn half_files_of_killed_runs_do_not_count_and_go() -> Result<(), Box<dyn std::error::Error>> {
    let root = tempfile::tempdir()?;
    let cache = FeatureCache::open(root.path(), &description());
    let image = *blake3::hash(b"an image").as_bytes();
    assert!(cache.put(&image, &[1.0; 3]));
    let half = cache.path(&image).with_file_name(".writing-abc");
    std::fs::write(&half, "half")?;
    assert_eq!(store::list(root.path())[0].images, 1);
    let _second = FeatureCache::open(root.path(), &description());
    assert!(half.exists(), "somebody may be writing it");
    drop((cache, _second));
    let cache = FeatureCache::open(root.path(), &description());
    assert!(!half.exists() && cache.get(&image).is_some());
    Ok(())
}

#[test]
fn prunes_the_least_recently_used_and_never_what_is_in_use()
-> Result<(), Box<dyn std::error::Error>> {
    let root = tempfile::tempdir()?;
    let image = *blake3::hash(b"an image").as_bytes();
    let used = FeatureCache::open(root.path(), &description());
    assert!(used.put(&image, &[1.0; 3]));
    let other = Description { weights: "v".to_owned(), ..description() };
    assert!(FeatureCache::open(root.path(), &other).put(&image, &[2.0; 3]));
    assert_eq!(store::list(root.path()).len(), 2);
    let pruned = store::prune(root.path(), 0)?;
    assert_eq!(pruned.len(), 1);
    assert_eq!(pruned[0].description, Some(other));
    assert_eq!(used.get(&image), Some(vec![1.0; 3]));
    Ok(())
}

#[test]
fn folders_of_an_older_format_are_listed_as_that_and_pruned()
-> Result<(), Box<dyn std::error::Error>> {
    let root = tempfile::tempdir()?;
    let image = *blake3::hash(b"an image").as_bytes();
    assert!(FeatureCache::open(root.path(), &description()).put(&image, &[1.0; 3]));
    let folder = |name: &str| store::features(root.path()).join(name);
    // One that says its format and little else, one from before formats had a key.
    let earlier = Description { implementation: "i format 1".to_owned(), ..description() };
    let abouts = [r#"{ "format": 0, "name": "x" }"#, &serde_json::to_string(&earlier)?];
    for (name, about) in ["first", "second"].into_iter().zip(abouts) {
        std::fs::create_dir_all(folder(name).join("ab"))?;
        std::fs::write(folder(name).join(store::ABOUT), about)?;
        std::fs::write(folder(name).join("ab").join("entry"), [0; 100])?;
    }
    let mut listed = store::list(root.path());
    listed.sort_by_key(|stored| stored.format);
    let found: Vec<_> =
        listed.iter().map(|s| (s.format, s.images, s.description.clone())).collect();
    let expected = [(0, 1, None), (1, 1, Some(earlier)), (FORMAT, 1, Some(description()))];
    assert_eq!(found, expected);
    assert_eq!(listed[0].bytes, 100);
    assert_eq!(store::prune(root.path(), 0)?.len(), 3);
    assert!(!folder("first").exists() && !folder("second").exists());
    Ok(())
}
