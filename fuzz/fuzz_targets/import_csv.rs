//! Drives [`kaskade_fuzz::import_csv`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::import_csv(data);
});
