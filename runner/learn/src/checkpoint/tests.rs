use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use safetensors::SafeTensors;

use super::file::{about, checksum, files};
use super::*;
use crate::early_stopping::Memory;
use crate::error::LearnError;
use crate::optimizer;
use crate::rates::Plateau;
use runner_experiment::architecture::{Activation, Builder, Shape};
use runner_network::device::Compute;
use runner_network::export::write_tensors;
use runner_network::network::Network;
use runner_network::parameter::tensor;
use runner_network::weights::Weights;
use runner_record::{EpochRecord, Reason};

fn network() -> Network {
    let mut net = Builder::on(Shape::Vector(1));
    net.dense("a", 1, Activation::Linear);
    let mut network =
        Network::new(net.finish().unwrap_or_default(), Weights::new(), 0, Compute::cpu());
    let values = [vec![1.0], vec![2.0, 3.0]];
    for (parameter, values) in network.parameters.iter_mut().zip(values) {
        parameter.value = tensor(values, &network.compute.device);
    }
    network
}

fn snapshot(network: &Network, steps: usize) -> Snapshot<'_> {
    let sums = Sums { loss: 0.1 + 0.2, score: 3.0, images: 5 };
    let position = Position { epochs: 2, steps, sums, seconds: 0.5 };
    Snapshot {
        stage: 1,
        position,
        over: false,
        reason: Reason::default(),
        plateau: Plateau::default(),
        average: None,
        early_stopping: Some((Memory::default(), &[])),
        optimizer: optimizer::State { steps: 7, slots: vec![[vec![0.5, 0.25], Vec::new()]] },
        network,
    }
}

fn writer(folder: &Path) -> CheckpointWriter {
    let [plan, dataset, weights] = ["f", "d", "random"].map(str::to_owned);
    let folder = Some(folder.to_path_buf());
    let mut writer = CheckpointWriter::new(folder, plan, dataset, weights, BTreeSet::new());
    writer.trained.insert(1);
    writer
}

#[test]
fn comes_back_bit_by_bit_and_a_damaged_one_is_passed_over() -> Result<(), LearnError> {
    let folder = tempfile::tempdir().map_err(|e| LearnError::bug(e.to_string()))?;
    let network = network();
    let mut writer = writer(folder.path());
    for steps in 1..=3 {
        writer.save(&snapshot(&network, steps))?;
    }
    let kept = files(folder.path());
    assert_eq!(kept.iter().map(|file| file.0).collect::<Vec<_>>(), [3, 2]);
    let found = newest(folder.path(), |_| Ok(()))?.unwrap();
    assert_eq!(found.state.position.steps, 3);
    assert_eq!(found.state.position.sums.loss.to_bits(), (0.1_f64 + 0.2).to_bits());
    assert_eq!(found.parameters, BTreeMap::from([(1, vec![2.0, 3.0])]));
    assert_eq!(found.slots, [[vec![0.5, 0.25], vec![]]]);
    let mut bytes = std::fs::read(&kept[0].1).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&kept[0].1, &bytes).unwrap();
    assert_eq!(newest(folder.path(), |_| Ok(()))?.unwrap().state.position.steps, 2);
    std::fs::write(&kept[1].1, &bytes[..last / 2]).unwrap();
    assert_eq!(newest(folder.path(), |_| Ok(()))?, None);
    Ok(())
}

#[test]
fn one_from_before_a_column_was_added_is_read_with_its_default() -> Result<(), LearnError> {
    let folder = tempfile::tempdir().map_err(|e| LearnError::bug(e.to_string()))?;
    let network = network();
    let mut writer = writer(folder.path());
    let record = EpochRecord { epoch: 2, images_per_s: 20.0, waiting_s: 1.5, ..Default::default() };
    writer.history.push(Entry::Epoch(record.clone()));
    writer.save(&snapshot(&network, 1))?;
    let path = &files(folder.path())[0].1;
    let bytes = std::fs::read(path).unwrap();
    let mut about = about(&bytes).unwrap();
    let mut state: serde_json::Value =
        serde_json::from_str(about["state"].as_str().unwrap()).unwrap();
    let epoch = state["history"][0]["Epoch"].as_object_mut().unwrap();
    assert!(epoch.remove("waiting_s").is_some());
    let whole = SafeTensors::deserialize(&bytes).unwrap();
    let named: BTreeMap<String, &[u8]> =
        whole.iter().map(|(name, view)| (name.to_owned(), view.data())).collect();
    let pairs = || named.iter().map(|(name, bytes)| (name.as_str(), *bytes));
    about["checksum"] = checksum(&state.to_string(), pairs()).into();
    about["state"] = state.to_string().into();
    let tensors: Vec<_> = pairs()
        .map(|(name, bytes)| (name.to_owned(), vec![bytes.len() / 4], bytes.to_vec()))
        .collect();
    write_tensors(&tensors, &about, path)?;
    let found = newest(folder.path(), |_| Ok(()))?.unwrap();
    assert_eq!(found.state.history, [Entry::Epoch(EpochRecord { waiting_s: 0.0, ..record })]);
    Ok(())
}
