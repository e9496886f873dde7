"""The textbook's feature extraction (5.3, first way) in Keras: `textbook.py FOLDER WEIGHTS`.

Features of a frozen VGG16, image by image through a generator, then thirty epochs of a dense head,
then the test score.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import tensorflow as tf

BATCH = 20


def extract(base, folder):
    generator = tf.keras.preprocessing.image.ImageDataGenerator(rescale=1.0 / 255)
    flow = generator.flow_from_directory(
        folder, target_size=(150, 150), batch_size=BATCH, class_mode="binary", shuffle=True
    )
    features = np.zeros((flow.samples, 4, 4, 512), "float32")
    labels = np.zeros(flow.samples, "float32")
    for at in range(len(flow)):
        images, own = flow[at]
        features[at * BATCH : at * BATCH + len(own)] = base.predict(images, verbose=0)
        labels[at * BATCH : at * BATCH + len(own)] = own
    return features.reshape(len(features), -1), labels


def main():
    folder, weights = Path(sys.argv[1]), sys.argv[2]
    base = keras.applications.VGG16(
        weights=weights, include_top=False, input_shape=(150, 150, 3)
    )
    train, validation, test = (
        extract(base, folder / split) for split in ("train", "validation", "test")
    )
    head = keras.Sequential(
        [
            keras.Input((4 * 4 * 512,)),
            keras.layers.Dense(256, activation="relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    head.compile(
        optimizer=keras.optimizers.RMSprop(learning_rate=2e-5),
        loss="binary_crossentropy",
        metrics=["acc"],
    )
    head.fit(*train, epochs=30, batch_size=BATCH, validation_data=validation, verbose=0)
    print("test accuracy", head.evaluate(*test, verbose=0)[1])


if __name__ == "__main__":
    main()
