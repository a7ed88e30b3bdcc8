//! Drives [`kaskade_fuzz::config`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::config(data);
});
