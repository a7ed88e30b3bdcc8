//! Drives [`kaskade_fuzz::serving_network_name`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::serving_network_name(data);
});
