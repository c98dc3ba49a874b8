"""Settings for every test; read before TensorFlow is imported."""

import os

from animegan3_tf.runtime import quiet_tensorflow

quiet_tensorflow()
# tests run in several processes, and their pictures are too small for more threads to pay
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
