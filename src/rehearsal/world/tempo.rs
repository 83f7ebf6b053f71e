//! How long things take: seconds of AWS by type of resource, divided by how fast the rehearsal goes.

/// Types whose making takes notably longer than most, in seconds. Rounded from what deployments commonly show.
const SLOW_SECS: &[(&str, f64)] = &[
    ("AWS::CloudFront::Distribution", 240.0),
    ("AWS::CloudFront::Function", 25.0),
    ("AWS::CloudWatch::Alarm", 6.0),
    ("AWS::Cognito::UserPool", 6.0),
    ("AWS::DynamoDB::Table", 22.0),
    ("AWS::EC2::InternetGateway", 16.0),
    ("AWS::EC2::VPC", 14.0),
    ("AWS::EC2::VPCEndpoint", 60.0),
    ("AWS::ECS::Cluster", 12.0),
    ("AWS::IAM::InstanceProfile", 120.0),
    ("AWS::IAM::ManagedPolicy", 18.0),
    ("AWS::IAM::Role", 18.0),
    ("AWS::KMS::Key", 20.0),
    ("AWS::Lambda::Function", 8.0),
    ("AWS::S3::Bucket", 22.0),
];
/// Everything else.
const USUAL_SECS: f64 = 4.0;
/// How much longer something takes that is made to be slow.
const SLOWNESS: f64 = 10.0;
/// How long CloudFormation thinks about a change set.
const CHANGE_SET_SECS: f64 = 4.0;
/// Between two events that follow from one another.
const BEAT_SECS: f64 = 0.4;

/// How fast time goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tempo {
    speed: f64,
}

impl Tempo {
    /// So many times as fast as AWS. A speed below one thousandth is taken for that.
    pub fn new(speed: f64) -> Self {
        Self { speed: speed.max(0.001) }
    }

    /// How long a resource of this type takes, in milliseconds.
    pub fn resource_ms(self, kind: &str, is_slow: bool) -> i64 {
        let secs = SLOW_SECS.iter().find(|(known, _)| *known == kind).map_or(USUAL_SECS, |(_, secs)| *secs);
        self.ms(if is_slow { secs * SLOWNESS } else { secs })
    }

    /// How long a change set takes.
    pub fn change_set_ms(self) -> i64 {
        self.ms(CHANGE_SET_SECS)
    }

    /// Between two events that follow from one another.
    pub fn beat_ms(self) -> i64 {
        self.ms(BEAT_SECS)
    }

    fn ms(self, secs: f64) -> i64 {
        // At least one, so that a cause is always before its effect.
        ((secs * 1000.0 / self.speed) as i64).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_as_fast_takes_half_as_long_and_slow_ones_ten_times_as_long() {
        let ms = |speed, slow| Tempo::new(speed).resource_ms("AWS::SNS::Topic", slow);
        assert_eq!((ms(1.0, false), ms(2.0, false), ms(1.0, true)), (4_000, 2_000, 40_000));
        assert_eq!(Tempo::new(1e9).beat_ms(), 1, "nothing takes no time");
    }
}
