"""The only face of TensorFlow at inference: layers and devices."""
