//! Drives [`kaskade_fuzz::nausf_bodies`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::nausf_bodies(data);
});
