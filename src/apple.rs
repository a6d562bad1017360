//! Apple Wallet: identities, passes and the way to APNs.
