//! The one integration binary: each module walks through a part of passgate over real sockets and files.

mod bridge;
