//! The burn device for a device's name.

use burn::tensor::Device;

use crate::NnError;

/// The CPU: burn's `flex` backend, always compiled in.
pub fn cpu() -> Device {
    Device::flex()
}

/// The device called `cpu`, `cuda`, `cuda:INDEX`, `vulkan` or `vulkan:INDEX`.
///
/// # Errors
///
/// [`NnError::UnknownDevice`] for another name, [`NnError::DeviceNotCompiledIn`] for a device whose cargo
/// feature is off.
pub fn device_from_str(name: &str) -> Result<Device, NnError> {
    let unknown = || NnError::UnknownDevice { name: name.into() };
    let (kind, index) = match name.split_once(':') {
        Some((kind, index)) => (kind, Some(index.parse::<usize>().map_err(|_| unknown())?)),
        None => (name, None),
    };
    match (kind, index) {
        ("cpu", None) => Ok(cpu()),
        ("cuda", index) => cuda(name, index.unwrap_or(0)),
        ("vulkan", index) => vulkan(name, index),
        _ => Err(unknown()),
    }
}

#[cfg(feature = "cuda")]
fn cuda(_name: &str, index: usize) -> Result<Device, NnError> {
    Ok(Device::cuda(index))
}

#[cfg(not(feature = "cuda"))]
fn cuda(name: &str, _index: usize) -> Result<Device, NnError> {
    Err(NnError::DeviceNotCompiledIn { name: name.into(), feature: "cuda" })
}

#[cfg(feature = "vulkan")]
fn vulkan(_name: &str, index: Option<usize>) -> Result<Device, NnError> {
    use burn::tensor::DeviceKind;
    Ok(Device::vulkan(match index {
        Some(index) => DeviceKind::DiscreteGpu(index),
        None => DeviceKind::DefaultDevice,
    }))
}

#[cfg(not(feature = "vulkan"))]
fn vulkan(name: &str, _index: Option<usize>) -> Result<Device, NnError> {
    Err(NnError::DeviceNotCompiledIn { name: name.into(), feature: "vulkan" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there() {
        assert!(device_from_str("cpu").is_ok());
    }

    #[test]
    fn odd_names_are_refused() {
        for name in ["", "gpu", "cpu:0", "cuda:x", "cuda:-1", "CUDA"] {
            assert!(
                matches!(device_from_str(name), Err(NnError::UnknownDevice { .. })),
                "{name:?}"
            );
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_device_of_another_build_names_the_feature() {
        let error = device_from_str("cuda:1").unwrap_err().to_string();
        assert!(error.contains("--features cuda"), "{error}");
    }
}
