//! What a device can compute in, and what it computes in by default.

use runner_experiment::section::run::Precision;

use super::error::DeviceError;
use super::kind::DeviceKind;
use super::list::Found;

/// Ampere: the first architecture whose tensor cores take TF32 and bfloat16.
const AMPERE: (u32, u32) = (8, 0);

/// What `found` computes in where the experiment says `asked`. `has_bf16` is asked where the answer
/// is not known from the kind of the device.
///
/// By default NVIDIA's cards from Ampere on compute in TF32, and everything else in `f32`.
///
/// # Errors
///
/// [`DeviceError::Precision`] where the device does not have it.
pub(super) fn resolve(
    asked: Option<Precision>,
    found: &Found,
    has_bf16: impl Fn() -> bool,
) -> Result<Precision, DeviceError> {
    let is_ampere = found.hardware.capability.is_some_and(|capability| capability >= AMPERE);
    let Some(asked) = asked else {
        return Ok(if is_ampere { Precision::Tf32 } else { Precision::F32 });
    };
    let reason = match (asked, found.kind) {
        (Precision::F32, _) => return Ok(asked),
        (Precision::Tf32 | Precision::Bf16, DeviceKind::Cuda) if is_ampere => return Ok(asked),
        (Precision::Bf16, DeviceKind::Cpu | DeviceKind::Vulkan) if has_bf16() => return Ok(asked),
        (Precision::Tf32, DeviceKind::Cpu | DeviceKind::Vulkan) => {
            "tf32 is what NVIDIA cards from Ampere on compute with, through CUDA".to_owned()
        }
        (asked, DeviceKind::Cuda) => {
            let capability = found.hardware.capability;
            let capability = capability.map_or(String::new(), |(major, minor)| {
                format!(", and this one has {major}.{minor}")
            });
            format!("{asked} needs compute capability 8.0 (Ampere) or newer{capability}")
        }
        (Precision::Bf16, DeviceKind::Cpu) => {
            "this processor has neither AMX-BF16 nor AVX512-BF16, the instructions that multiply \
             bfloat16"
                .to_owned()
        }
        (Precision::Bf16, DeviceKind::Vulkan) => "its driver has no bfloat16".to_owned(),
    };
    Err(DeviceError::Precision {
        asked: asked.to_string(),
        device: format!("{} ({})", found.name(), found.hardware.name),
        reason,
        remedy: "leave `run.precision` out for what the device does best, or write \"f32\""
            .to_owned(),
    })
}

impl Found {
    /// What the device is known to compute in, the default first. A driver of Vulkan says only when it
    /// is opened whether it has bfloat16, and is not asked here.
    #[must_use]
    pub fn precisions(&self) -> Vec<Precision> {
        let has_bf16 = || self.kind == DeviceKind::Cpu && runner_convolution::bf16::available();
        let mut all: Vec<Precision> = resolve(None, self, &has_bf16).into_iter().collect();
        for precision in Precision::ALL {
            if !all.contains(precision) && resolve(Some(*precision), self, &has_bf16).is_ok() {
                all.push(*precision);
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::super::hardware::Hardware;
    use super::*;

    fn found(kind: DeviceKind, capability: Option<(u32, u32)>) -> Found {
        let hardware = Hardware { name: "Test".to_owned(), capability, ..Hardware::default() };
        Found::fake(kind, 0, hardware)
    }

    #[test]
    fn tf32_is_the_default_from_ampere_on_and_f32_elsewhere() {
        let default = |found: Found| resolve(None, &found, || true);
        assert_eq!(default(found(DeviceKind::Cuda, Some((9, 0)))), Ok(Precision::Tf32));
        assert_eq!(default(found(DeviceKind::Cuda, Some((8, 0)))), Ok(Precision::Tf32));
        assert_eq!(default(found(DeviceKind::Cuda, Some((7, 5)))), Ok(Precision::F32));
        assert_eq!(default(found(DeviceKind::Vulkan, None)), Ok(Precision::F32));
        assert_eq!(default(found(DeviceKind::Cpu, None)), Ok(Precision::F32));
    }

    #[test]
    fn f32_is_had_everywhere_and_the_others_where_there_are_products_of_them() {
        let kinds = [
            (DeviceKind::Cuda, Some((9, 0)), [true, true]),
            (DeviceKind::Cuda, Some((7, 5)), [false, false]),
            (DeviceKind::Vulkan, None, [false, true]),
            (DeviceKind::Cpu, None, [false, true]),
        ];
        for (kind, capability, [tf32, bf16]) in kinds {
            let has = |asked| resolve(Some(asked), &found(kind, capability), || true).is_ok();
            let all = [has(Precision::F32), has(Precision::Tf32), has(Precision::Bf16)];
            assert_eq!(all, [true, tf32, bf16], "{kind:?}");
        }
    }

    #[test]
    fn a_device_lists_its_default_first() {
        let card = found(DeviceKind::Cuda, Some((9, 0)));
        assert_eq!(card.precisions(), [Precision::Tf32, Precision::F32, Precision::Bf16]);
        assert_eq!(found(DeviceKind::Cuda, Some((7, 0))).precisions(), [Precision::F32]);
    }

    #[test]
    fn a_refusal_says_what_has_it() {
        let said = |asked, kind, capability| {
            let refused = resolve(Some(asked), &found(kind, capability), || false);
            refused.map_or_else(|error| error.to_string(), |precision| precision.to_string())
        };
        let text = said(Precision::Tf32, DeviceKind::Cpu, None);
        assert!(text.contains("tf32 is what NVIDIA cards from Ampere on compute with"), "{text}");
        let text = said(Precision::Bf16, DeviceKind::Cpu, None);
        assert!(text.contains("neither AMX-BF16 nor AVX512-BF16"), "{text}");
        let text = said(Precision::Bf16, DeviceKind::Cuda, Some((7, 5)));
        assert!(text.contains("cuda:0 (Test)") && text.contains("this one has 7.5"), "{text}");
        let text = said(Precision::Bf16, DeviceKind::Vulkan, None);
        assert!(text.contains("its driver has no bfloat16"), "{text}");
    }
}
