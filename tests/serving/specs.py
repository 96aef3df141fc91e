"""Tensor specs by the C++ names of their dtypes, without loading a model."""

from __future__ import annotations

import numpy as np

from serving.models.loader import TensorSpec

FLOAT = TensorSpec("x:0", 1, "float", np.float32)
DOUBLE = TensorSpec("x:0", 2, "double", np.float64)
INT32 = TensorSpec("x:0", 3, "int32", np.int32)
UINT8 = TensorSpec("x:0", 4, "uint8", np.uint8)
STRING = TensorSpec("x:0", 7, "string", object)
INT64 = TensorSpec("x:0", 9, "int64", np.int64)
BOOL = TensorSpec("x:0", 10, "bool", np.bool_)
HALF = TensorSpec("x:0", 19, "half", np.float16)
