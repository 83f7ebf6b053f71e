//! What to think of an image that the environment names itself.

use super::finding::{Area, Finding, State};
use crate::{
    config::{Architecture, ImageName},
    failure::Failure,
    release::Machine,
};

/// What was looked at.
const WHAT: &str = "worker.image";

/// The processors that the image is for, or why nobody knows, against those that workers have.
pub fn judge(image: &ImageName, architecture: Architecture, found: Result<Vec<Machine>, Failure>) -> Finding {
    let wanted = Machine::wanted(architecture);
    match found {
        Ok(machines) if machines.contains(&wanted) => {
            let says = format!("`{image}` is there, for {}", platforms(&machines));
            Finding::new(Area::Image, WHAT, State::Ok, says)
        }
        Ok(machines) => {
            let says = format!("`{image}` is for {}, and workers run on {}", platforms(&machines), architecture.word());
            Finding::new(Area::Image, WHAT, State::Fail, says)
                .cure(format!("name an image for {}, or change `worker.architecture`", wanted.platform()))
        }
        Err(failure) if failure.causes.iter().any(|cause| cause.contains("no such image")) => {
            let says = format!("`{image}` is not there");
            Finding::new(Area::Image, WHAT, State::Fail, says)
                .cure("`dlt image push --to …` prints the name of what it pushed, with its digest")
        }
        Err(failure) => {
            let causes = failure.causes.join(": ");
            Finding::new(Area::Image, WHAT, State::NotKnown, format!("{}: {causes}", failure.message))
        }
    }
}

fn platforms(machines: &[Machine]) -> String {
    match machines {
        [] => "no processor that AWS has".to_owned(),
        machines => machines.iter().map(|machine| machine.platform()).collect::<Vec<_>>().join(" and "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exit::Exit,
        release::registry::{Kind, Trouble},
    };

    #[test]
    fn an_image_must_be_there_and_for_the_workers_processor() {
        let image: ImageName = format!("registry.example/worker@sha256:{}", "a".repeat(64)).parse().unwrap();
        let absent = Trouble::new("read", Kind::Absent, "`worker` has no such image");
        let cases = [
            (Ok(vec![Machine::X86_64, Machine::Arm64]), State::Ok, "linux/amd64 and linux/arm64"),
            (Ok(vec![Machine::Arm64]), State::Fail, "workers run on x86_64"),
            (Ok(Vec::new()), State::Fail, "no processor"),
            (Err(absent.into()), State::Fail, "not there"),
            (Err(Failure::new(Exit::Refused, "failed to sign in")), State::NotKnown, "sign in"),
        ];
        for (found, state, says) in cases {
            let finding = judge(&image, Architecture::X86_64, found);
            assert!(finding.state == state && finding.says.contains(says), "{finding:?}");
            assert_eq!(finding.cure.is_some(), state == State::Fail, "{finding:?}");
        }
    }
}
