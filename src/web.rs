//! HTTP in: PassKit web service, station API, console, health.
