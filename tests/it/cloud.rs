//! A deployed system, on the emulated AWS.
