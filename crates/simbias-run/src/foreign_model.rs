//! Models in the formats of other tools: what they are, and the lines that export them to ONNX.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use simbias_checkpoint::Checkpoint;
use simbias_data::Layout;
use simbias_train::TrainedNetwork;

use crate::RunError;

/// A format of another tool that holds a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForeignModel {
    /// A whole module that PyTorch pickled, or a TorchScript archive.
    TorchModule,
    /// Tensors by name, in PyTorch's format.
    TorchWeights,
    /// Tensors by name in safetensors, without the description of a network of ours.
    Safetensors,
    /// A folder of the transformers library.
    Transformers,
    /// Any Python object, scikit-learn's usually.
    Pickle,
    Keras,
    SavedModel,
    FrozenGraph,
    Lite,
    XgBoost,
    LightGbm,
    CatBoost,
    /// Arrays or a table, which may be the scores of a model.
    Scores,
}

/// Bytes that tell a format.
const LOOKED_AT: u64 = 16;

impl ForeignModel {
    /// What lies at `path`, by its ending and its first bytes; `None` for networks of ours and for unknown files.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        if path.is_dir() {
            return match path {
                folder if folder.join(TrainedNetwork::WEIGHTS_FILE).is_file() => None,
                folder if folder.join("saved_model.pb").is_file() => Some(Self::SavedModel),
                folder if folder.join("config.json").is_file() => Some(Self::Transformers),
                _ => None,
            };
        }
        let mut begin = Vec::new();
        File::open(path).ok()?.take(LOOKED_AT).read_to_end(&mut begin).ok()?;
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let is_hdf5 = begin.starts_with(b"\x89HDF");
        // Protocols 2 and later begin so; pickles inside a ZIP archive are PyTorch's.
        let is_pickle = begin.starts_with(b"\x80");
        let is_of_a_run = path.file_name().is_some_and(|name| name == TrainedNetwork::WEIGHTS_FILE);
        let is_zip = begin.starts_with(b"PK");
        Some(match ending.to_ascii_lowercase().as_str() {
            "pt" | "pth" | "ckpt" | "torch" | "pt2" | "bin" if is_zip || is_pickle => {
                match Checkpoint::open(path) {
                    Ok(_) => Self::TorchWeights,
                    Err(_) => Self::TorchModule,
                }
            }
            "safetensors" if !is_of_a_run && !path.with_extension("json").is_file() => {
                Self::Safetensors
            }
            "pkl" | "pickle" | "joblib" | "sav" | "dill" => Self::Pickle,
            "keras" => Self::Keras,
            "h5" | "hdf5" if is_hdf5 => Self::Keras,
            "pb" => Self::FrozenGraph,
            "tflite" => Self::Lite,
            "ubj" | "xgb" => Self::XgBoost,
            "json" if mentions(path, "\"learner\"") => Self::XgBoost,
            "txt" | "lgb" if begin.starts_with(b"tree\n") || begin.starts_with(b"tree\r") => {
                Self::LightGbm
            }
            "cbm" => Self::CatBoost,
            "npy" | "npz" | "csv" | "tsv" | "parquet" => Self::Scores,
            _ => return None,
        })
    }

    const fn found(self) -> &'static str {
        match self {
            Self::TorchModule => "a pickled PyTorch object (running it would run any code in it)",
            Self::TorchWeights => {
                "a PyTorch state dict: the weights of a network, not the network itself"
            }
            Self::Safetensors => "the weights of a network, not the network itself",
            Self::Transformers => "a checkpoint folder of the transformers library",
            Self::Pickle => "a pickled Python object (running it would run any code in it)",
            Self::Keras => "a Keras model",
            Self::SavedModel => "a TensorFlow SavedModel",
            Self::FrozenGraph => "a TensorFlow graph",
            Self::Lite => "a TensorFlow Lite model",
            Self::XgBoost => "an XGBoost model",
            Self::LightGbm => "a LightGBM model",
            Self::CatBoost => "a CatBoost model",
            Self::Scores => "a table or an array, not a model",
        }
    }

    /// The refusal, with the lines that export the model for rows of `layout`.
    pub(crate) fn refused(self, path: &Path, layout: &Layout) -> RunError {
        RunError::ForeignModel {
            path: path.into(),
            found: self.found(),
            export: self.export(path, layout),
        }
    }

    fn export(self, path: &Path, layout: &Layout) -> String {
        let file = path.display().to_string();
        let onnx = path.with_extension("onnx").display().to_string();
        let n_inputs = layout.n_features();
        let torch = || {
            format!(
                "torch.onnx.export(model.eval(), ({},), {onnx:?}, input_names=[\"x\"], dynamic_axes={{\"x\": {{0: \"rows\"}}}})",
                torch_example(layout)
            )
        };
        let lines = match self {
            Self::TorchModule => vec![
                "import torch".into(),
                format!("model = torch.load({file:?}, weights_only=False)  # torch.jit.load for TorchScript"),
                torch(),
            ],
            Self::TorchWeights => vec![
                "import torch".into(),
                "model = MyNetwork()  # the class that was trained".into(),
                format!("model.load_state_dict(torch.load({file:?}))"),
                torch(),
            ],
            Self::Safetensors => vec![
                "import torch; from safetensors.torch import load_file".into(),
                "model = MyNetwork()  # the class that was trained".into(),
                format!("model.load_state_dict(load_file({file:?}))"),
                torch(),
            ],
            Self::Transformers => {
                vec!["pip install optimum[onnxruntime]".into(), format!("optimum-cli export onnx --model {file} {file}-onnx")]
            }
            Self::Pickle => vec![
                "import joblib; from skl2onnx import to_onnx  # pip install skl2onnx".into(),
                format!("model = joblib.load({file:?})"),
                "onnx = to_onnx(model, X[:1], options={\"zipmap\": False})  # X: a few rows as the model takes them".into(),
                format!("open({onnx:?}, \"wb\").write(onnx.SerializeToString())"),
            ],
            Self::Keras => vec![
                "import keras".into(),
                format!("keras.models.load_model({file:?}).export({onnx:?}, format=\"onnx\")"),
            ],
            Self::SavedModel => vec![format!(
                "python -m tf2onnx.convert --saved-model {file} --output {onnx}  # pip install tf2onnx"
            )],
            Self::FrozenGraph => vec![format!(
                "python -m tf2onnx.convert --graphdef {file} --inputs INPUT:0 --outputs SCORES:0 --output {onnx}"
            )],
            Self::Lite => vec![format!(
                "python -m tf2onnx.convert --tflite {file} --output {onnx}  # pip install tf2onnx"
            )],
            Self::XgBoost => gradient_boosting(
                &format!("import xgboost; model = xgboost.XGBClassifier(); model.load_model({file:?})"),
                "convert_xgboost",
                n_inputs,
                &onnx,
            ),
            Self::LightGbm => gradient_boosting(
                &format!("import lightgbm; model = lightgbm.Booster(model_file={file:?})"),
                "convert_lightgbm",
                n_inputs,
                &onnx,
            ),
            Self::CatBoost => vec![
                format!("import catboost; model = catboost.CatBoostClassifier().load_model({file:?})"),
                format!("model.save_model({onnx:?}, format=\"onnx\")"),
            ],
            Self::Scores => {
                return "scores that a model gave elsewhere are measured by `simbias reliance plan` and `simbias reliance \
                        score`; a model is an .onnx file, or the folder of a run of `simbias train` or `simbias audit`"
                    .into();
            }
        };
        let shown: Vec<String> =
            lines.into_iter().map(|line: String| format!("  {line}")).collect();
        format!(
            "export it to ONNX where it was trained, and give the .onnx file:\n{}",
            shown.join("\n")
        )
    }
}

fn gradient_boosting(load: &str, convert: &str, n_inputs: usize, onnx: &str) -> Vec<String> {
    vec![
        load.into(),
        "from onnxmltools import convert; from onnxmltools.convert.common.data_types import FloatTensorType".into(),
        format!("onnx = convert.{convert}(model, initial_types=[(\"x\", FloatTensorType([None, {n_inputs}]))])"),
        format!("open({onnx:?}, \"wb\").write(onnx.SerializeToString())"),
    ]
}

/// A batch of two rows, as PyTorch takes it.
fn torch_example(layout: &Layout) -> String {
    let shape = match layout.tensors() {
        [one] => one.shape.clone(),
        _ => vec![layout.n_features()],
    };
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("torch.zeros(2, {})", sizes.join(", "))
}

/// Whether the first bytes of a file contain `words`.
fn mentions(path: &Path, words: &str) -> bool {
    let mut begin = Vec::new();
    let read = File::open(path).and_then(|file| file.take(4096).read_to_end(&mut begin));
    read.is_ok() && String::from_utf8_lossy(&begin).contains(words)
}

#[cfg(test)]
mod tests {
    use simbias_data::ImageShape;

    use super::*;

    /// The refusal of a file with this content.
    fn refused(name: &str, content: &[u8]) -> (String, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let layout = Layout::image(ImageShape { channels: 3, height: 8, width: 9 });
        let error = ForeignModel::at(&path).unwrap().refused(&path, &layout);
        (error.to_string(), error.hint().unwrap().to_string())
    }

    #[test]
    fn every_format_is_named_and_shows_the_line_to_run() {
        let cases: [(&str, &[u8], &str, &str); 10] = [
            ("m.pt", b"PK\x03\x04 not really", "pickled PyTorch", "torch.zeros(2, 3, 8, 9)"),
            ("m.pth", b"\x80\x02}q\x00.", "PyTorch", "torch.onnx.export(model.eval()"),
            ("m.pkl", b"\x80\x04.", "pickled Python", "skl2onnx import to_onnx"),
            ("m.joblib", b"\x80\x04.", "pickled Python", "m.onnx"),
            ("m.h5", b"\x89HDF\r\n", "Keras", "format=\"onnx\""),
            ("m.keras", b"PK\x03\x04", "Keras", "keras.models.load_model"),
            ("m.pb", b"\x08\x01", "TensorFlow graph", "tf2onnx.convert --graphdef"),
            ("m.txt", b"tree\nversion=v4", "LightGBM", "FloatTensorType([None, 216])"),
            ("m.json", b"{\"learner\":{}}", "XGBoost", "convert_xgboost"),
            ("m.npy", b"\x93NUMPY", "not a model", "reliance plan"),
        ];
        for (name, content, found, line) in cases {
            let (message, hint) = refused(name, content);
            assert!(message.contains(found), "{name}: {message}");
            assert!(hint.contains(line), "{name}: {hint}");
        }
    }

    #[test]
    fn other_files_are_left_to_others() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(ForeignModel::at(folder.path()), None);
        assert_eq!(ForeignModel::at(&folder.path().join("absent.pt")), None);
        std::fs::write(folder.path().join("config.json"), "{}").unwrap();
        assert_eq!(ForeignModel::at(folder.path()), Some(ForeignModel::Transformers));
        let network = folder.path().join("weights.safetensors");
        std::fs::write(&network, [0; 8]).unwrap();
        assert_eq!(ForeignModel::at(&network), Some(ForeignModel::Safetensors));
        std::fs::write(network.with_extension("json"), "{}").unwrap();
        assert_eq!(ForeignModel::at(&network), None);
    }
}
