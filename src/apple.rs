//! Apple Wallet: identities, passes and the way to APNs.

pub mod apns;
