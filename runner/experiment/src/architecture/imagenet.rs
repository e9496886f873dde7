//! The thousand classes of the ImageNet classifier, in the order of its outputs.

/// One name per line, as torchvision has them.
const NAMES: &str = include_str!("imagenet_classes.txt");

/// The names, in the order of the outputs.
#[must_use]
pub fn classes() -> Vec<String> {
    NAMES.lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_classes_in_keras_order() {
        let classes = classes();
        assert_eq!(classes.len(), 1000);
        // keras.applications.vgg16.decode_predictions: n02504458, n02123045, n02100735.
        assert_eq!(
            [&classes[386], &classes[281], &classes[212]],
            ["African elephant", "tabby", "English setter"]
        );
    }
}
