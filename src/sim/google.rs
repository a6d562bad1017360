//! A stand-in for the Google Wallet API and its token endpoint, and a simulated Android phone.
