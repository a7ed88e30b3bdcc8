//! Drives [`kaskade_fuzz::row_inputs`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::row_inputs(data);
});
