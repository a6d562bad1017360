//! The one integration test binary.

mod apple;
