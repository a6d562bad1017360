//! The till process: readers and scanners in, captures out.
