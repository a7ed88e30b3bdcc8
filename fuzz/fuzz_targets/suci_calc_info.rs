//! Drives [`kaskade_fuzz::suci_calc_info`].
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    kaskade_fuzz::suci_calc_info(data);
});
