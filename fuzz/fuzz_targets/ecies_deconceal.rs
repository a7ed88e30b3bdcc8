//! Drives [`kaskade_fuzz::ecies_deconceal`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::ecies_deconceal(data);
});
