//! Drives [`kaskade_fuzz::supi`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::supi(data);
});
