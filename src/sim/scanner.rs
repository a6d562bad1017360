//! A simulated barcode scanner on a pseudo terminal.
