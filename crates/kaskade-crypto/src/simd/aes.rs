//! AES: key schedules and a few blocks, counter mode, CMAC.

pub(crate) mod cmac;
pub(crate) mod ctr;
pub(crate) mod ni;
