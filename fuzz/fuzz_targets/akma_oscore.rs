//! Drives [`kaskade_fuzz::akma_oscore`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::akma_oscore(data);
});
