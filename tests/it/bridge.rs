//! The till process end to end: simulated devices in, a real gateway socket out.

mod devices;
mod disk;
mod gateway;
mod offline;
mod pcscd;
mod till;
