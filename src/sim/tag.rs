//! Simulated NFC tags: in process, and as a card in the virtual reader of vsmartcard.
