//! Networks by name: what is understood, what is stored, what data they suit.

use simbias_train::{NetworkChoice, TrainError, architecture};

use crate::slabs;

#[test]
fn choices_are_read_and_stored_as_before() {
    for (text, choice, stored) in [
        ("auto", NetworkChoice::Auto, r#""auto""#),
        ("fcn", NetworkChoice::Named("fcn"), r#""fcn""#),
        ("cnn", NetworkChoice::Named("small-cnn"), r#""small-cnn""#),
        ("small-cnn", NetworkChoice::Named("small-cnn"), r#""small-cnn""#),
        ("resnet18", NetworkChoice::Named("res-net18"), r#""res-net18""#),
        ("vgg11-bn", NetworkChoice::Named("vgg11-bn"), r#""vgg11-bn""#),
    ] {
        assert_eq!(text.parse(), Ok(choice));
        assert_eq!(serde_json::to_string(&choice).unwrap(), stored);
        assert_eq!(serde_json::from_str::<NetworkChoice>(stored).unwrap(), choice);
    }
    let refused = "perceptron".parse::<NetworkChoice>().unwrap_err();
    assert!(refused.contains("perceptron") && refused.contains("auto, fcn, cnn"), "{refused}");
}

#[test]
fn rows_get_a_fully_connected_network_and_no_other() {
    let data = slabs(3).split.train.0;
    let of = |choice| architecture(choice, &data);
    assert_eq!(of(NetworkChoice::Auto).unwrap(), of(NetworkChoice::Named("fcn")).unwrap());
    for name in ["cnn", "res-net18", "vgg11"] {
        let refused = of(NetworkChoice::Named(name)).unwrap_err();
        assert!(matches!(refused, TrainError::Data { .. }), "{refused}");
        assert!(refused.to_string().contains("use the network fcn"), "{refused}");
    }
}
