//! How much of everything a scenario may have. The numbers are AWS DLT's own where it has one.

/// Requests of one scenario.
pub const MAX_REQUESTS: usize = 100;
/// Characters of a URL.
pub const MAX_URL_LENGTH: usize = 2_048;
/// Bytes of a request's body.
pub const MAX_BODY_BYTES: usize = 65_536;
/// Virtual users of one worker.
pub const MAX_VIRTUAL_USERS_PER_WORKER: u64 = 25_000;
/// Workers of one scenario over all regions. AWS DLT leaves this to the account's quota; a bound guards against slips.
pub const MAX_WORKERS: u32 = 10_000;
/// Characters of a name, at least.
pub const MIN_NAME_LENGTH: usize = 3;
/// Characters of a name, at most.
pub const MAX_NAME_LENGTH: usize = 255;
/// Characters of a description.
pub const MAX_DESCRIPTION_LENGTH: usize = 60_000;
/// Tags of one scenario.
pub const MAX_TAGS: usize = 5;
/// Characters of a tag.
pub const MAX_TAG_LENGTH: usize = 50;
/// Ramp-up and hold-for, each: 30 days.
pub const MAX_STAGE_MS: u64 = 30 * 24 * 3_600_000;
