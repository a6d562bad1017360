//! A stand-in for APNs: HTTP/2 over mutual TLS, with scripted answers.
