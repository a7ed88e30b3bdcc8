//! Drives [`kaskade_fuzz::nnef_bodies`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::nnef_bodies(data);
});
