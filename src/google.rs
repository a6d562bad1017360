//! Google Wallet: classes, objects, save links and the REST client.
