//! ONNX models as scorers.
