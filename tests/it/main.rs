//! The one integration binary: real components on real sockets.

mod google;
