//! Is a run worse than an earlier one, and is the difference more than noise?
//!
//! Two questions, and a run is worse only if both say so. The *tolerance* says by how much a number may change. The *interval*
//! says what the change could be, seen how much both runs vary within themselves:
//!
//! * The variation of a share (failed samples; samples above the 95th percentile) is taken from the stretches of the run, not
//!   from its samples, because neighbours are alike: J. N. K. Rao, A. J. Scott, Biometrics 48 (1992), 577–585.
//! * The interval of a share is Wilson's (JASA 22 (1927), 209–212) on the samples that it is worth after that, with the quantile of
//!   Student's t for as many stretches as there were.
//! * The interval of a percentile is that of its share, read off the merged histogram: R. S. Woodruff, JASA 47 (1952), 635–646.
//! * The interval of a difference comes from both: R. G. Newcombe, Statistics in Medicine 17 (1998), 873–890, method 10; for the
//!   ratio of two percentiles, on a logarithmic scale: G. Y. Zou, A. Donner, Statistics in Medicine 27 (2008), 1693–1702.

mod comparison;
mod measured;
mod noise;

pub use self::{
    comparison::{Change, Comparison, Judged, Tolerance, compare},
    measured::{Measured, Portion},
    noise::{CONFIDENCE_PERCENT, MIN_PORTIONS},
};
