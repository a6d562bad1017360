//! PassKit
