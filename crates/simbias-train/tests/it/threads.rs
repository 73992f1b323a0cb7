//! The number of threads must not show in the weights.

use simbias_data::Layout;
use simbias_nn::{Architecture, Fcn, ImageDims, Init, Network, Precision, SmallCnn, cpu};
use simbias_stats::Seed;
use simbias_train::{TrainState, fit_plain};

use crate::{config, two_classes, weights};

fn trained_on(n_threads: usize, architecture: &Architecture) -> Vec<f64> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
    pool.install(|| {
        let n_features = architecture.n_features();
        let mut data = two_classes(600, n_features, 0);
        data.layout = Layout::array(vec![n_features]);
        let network = Network::new(
            architecture.clone(),
            Init::default(),
            Precision::F32,
            Seed::new(1),
            &cpu(),
        )
        .unwrap();
        let mut state = TrainState::new(network, Seed::new(8));
        let mut config = config(8);
        config.batch_size = 256;
        fit_plain(&mut state, &data, None, &config).unwrap();
        weights(&state.network)
    })
}

#[test]
fn one_two_and_five_threads_train_the_same_network() {
    let image = ImageDims { channels: 3, height: 24, width: 16 };
    for architecture in [
        // Wide enough for the matrix products to be shared between threads.
        Architecture::from(Fcn::new(50, 600, 2, 2)),
        Architecture::from(SmallCnn::new(image, 2)),
    ] {
        let one = trained_on(1, &architecture);
        for n_threads in [2, 5] {
            assert!(one == trained_on(n_threads, &architecture), "{architecture:?}: {n_threads}");
        }
    }
}
