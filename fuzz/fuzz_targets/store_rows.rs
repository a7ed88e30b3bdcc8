//! Drives [`kaskade_fuzz::store_rows`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::store_rows(data);
});
