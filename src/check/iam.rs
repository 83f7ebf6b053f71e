//! Statements that allow more than they need, or that do not allow what they seem to.

use dlt_model::document::Node;

use super::{
    Scope, actions,
    actions::Known,
    expression,
    finding::{Findings, did_you_mean},
    policies::{self, Policy, Use},
};

/// Judges every statement of every policy.
pub fn check(scope: &Scope<'_, '_>, findings: &mut Findings) {
    for resource in scope.template.resources.iter() {
        for policy in policies::of(resource) {
            for statement in policies::statements(policy.document) {
                Judge { scope, policy: &policy, statement, of_key: resource.kind() == "AWS::KMS::Key" }.judge(findings);
            }
        }
    }
}

struct Judge<'p, 'a> {
    scope: &'p Scope<'p, 'a>,
    policy: &'p Policy<'a>,
    statement: &'a Node,
    /// In a key's policy `*` is the key itself, and its account must be able to do everything with it.
    of_key: bool,
}

impl Judge<'_, '_> {
    fn judge(&self, findings: &mut Findings) {
        self.unknown_actions(findings);
        if !policies::allows(self.statement) {
            return;
        }
        self.negations(findings);
        match self.policy.usage {
            Use::Trust => self.trust(findings),
            Use::Resource => self.openness(findings),
            Use::Inline | Use::Managed => {
                self.pass_role(findings);
                self.resources(findings);
            }
        }
        if !self.of_key {
            self.whole_services(findings);
        }
    }

    fn path(&self, key: &str) -> String {
        format!("{}.Statement.{key}", self.policy.path)
    }

    fn actions(&self) -> Vec<(&Node, String)> {
        let nodes = self.statement.get("Action").map(expression::list).unwrap_or_default();
        nodes.into_iter().map(|node| (node, expression::shape(node))).collect()
    }

    fn unknown_actions(&self, findings: &mut Findings) {
        for (node, action) in self.actions() {
            let Some((service, name)) = action.split_once(':').filter(|_| !action.contains("${")) else {
                if action != "*" && !action.contains("${") {
                    findings.error(
                        "DLT207",
                        node.place,
                        self.path("Action"),
                        format!("`{action}` is not an action: write `service:Action`"),
                    );
                }
                continue;
            };
            match actions::of(service, name) {
                Known::Missing => {
                    let hint = did_you_mean(&name.to_ascii_lowercase(), actions::names(&service.to_ascii_lowercase()));
                    findings
                        .warning(
                            "DLT207",
                            node.place,
                            self.path("Action"),
                            format!("service `{service}` has no action `{name}`"),
                        )
                        .maybe(hint);
                }
                Known::Uncovered if service != "*" => {
                    findings.note(
                        "DLT212",
                        node.place,
                        self.path("Action"),
                        format!("not covered: the actions of service `{service}`"),
                    );
                }
                _ => {}
            }
        }
    }

    fn negations(&self, findings: &mut Findings) {
        for key in ["NotAction", "NotResource", "NotPrincipal"] {
            if let Some(node) = self.statement.get(key) {
                let message = format!("an Allow with `{key}` allows everything else there is, and everything to come");
                findings.error("DLT208", node.place, self.path(key), message);
            }
        }
    }

    fn whole_services(&self, findings: &mut Findings) {
        for (node, action) in self.actions() {
            if action == "*" || action == "*:*" {
                findings.error("DLT201", node.place, self.path("Action"), "this allows every action of every service");
            } else if let Some(service) = action.strip_suffix(":*") {
                findings
                    .error(
                        "DLT202",
                        node.place,
                        self.path("Action"),
                        format!("this allows every action of service `{service}`"),
                    )
                    .hint("name the actions that are called");
            }
        }
    }

    fn pass_role(&self, findings: &mut Findings) {
        let passes = self.actions().into_iter().find(|(_, action)| {
            action.split_once(':').is_some_and(|(service, name)| {
                service == "iam" && actions::matches(&name.to_ascii_lowercase(), "passrole")
            })
        });
        let Some((node, _)) = passes else { return };
        if !self.has_condition_on("iam:PassedToService") {
            let message =
                "iam:PassRole without a condition on iam:PassedToService lets the role be given to any service";
            findings
                .error("DLT204", node.place, self.path("Action"), message)
                .hint("Condition: {StringEquals: {iam:PassedToService: ecs-tasks.amazonaws.com}}");
        }
    }

    fn has_condition_on(&self, wanted: &str) -> bool {
        let operators = self.statement.get("Condition").map(expression::branches).unwrap_or_default();
        operators
            .into_iter()
            .flat_map(Node::entries)
            .flat_map(|(_, keys)| keys.entries())
            .any(|(key, _)| key.text.eq_ignore_ascii_case(wanted))
    }

    fn resources(&self, findings: &mut Findings) {
        let Some(node) = self.statement.get("Resource") else {
            if self.statement.get("NotResource").is_none() {
                findings.error("DLT203", self.statement.place, self.path("Resource"), "a statement needs a `Resource`");
            }
            return;
        };
        let resources = policies::values(self.statement, "Resource");
        let named: Vec<_> =
            self.actions().into_iter().map(|(_, action)| action).filter(|action| !action.contains("${")).collect();
        let are = |wanted: Known| -> Vec<&str> {
            let known = |action: &str| {
                action
                    .split_once(':')
                    .filter(|(_, name)| *name != "*")
                    .map(|(service, name)| actions::of(service, name))
            };
            named.iter().map(String::as_str).filter(|action| known(action) == Some(wanted)).collect()
        };
        let narrow = are(Known::Narrow);
        let wide = are(Known::Wide);
        if resources.iter().any(|resource| resource == "*") {
            // A condition narrows a statement in its own way.
            if !narrow.is_empty() && self.statement.get("Condition").is_none() {
                let message = format!("`*` is wider than needed: {} can be narrowed to a resource", narrow.join(", "));
                findings.error("DLT203", node.place, self.path("Resource"), message).hint(
                    "name the resource's ARN, and put actions that only work on `*` into a statement of their own",
                );
            }
        } else if !wide.is_empty()
            && !resources.is_empty()
            && !resources.iter().any(|resource| self.may_be_anything(resource))
        {
            let message = format!("{} only work on `*`, so this statement does not allow them", wide.join(", "));
            findings.error("DLT210", node.place, self.path("Resource"), message);
        }
        for resource in resources.iter().filter(|resource| is_whole_service(resource)) {
            findings.warning(
                "DLT211",
                node.place,
                self.path("Resource"),
                format!("`{resource}` is every resource of the service"),
            );
        }
    }

    /// A parameter or an imported value may turn out to be `*`.
    fn may_be_anything(&self, resource: &str) -> bool {
        let inner = resource.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        inner.is_some_and(|name| !self.scope.template.resources.has(name.split('.').next().unwrap_or_default()))
    }

    fn trust(&self, findings: &mut Findings) {
        let Some(principal) = self.statement.get("Principal") else { return };
        if is_anyone(principal) {
            findings.error("DLT205", principal.place, self.path("Principal"), "anyone may assume this role");
        }
        if principal.get("Federated").is_some() && self.statement.get("Condition").is_none() {
            let message = "a federated trust without a condition lets in every user of the provider";
            findings
                .error("DLT206", principal.place, self.path("Principal"), message)
                .hint("require the audience, such as cognito-identity.amazonaws.com:aud");
        }
    }

    fn openness(&self, findings: &mut Findings) {
        if let Some(principal) = self.statement.get("Principal").filter(|node| is_anyone(node)) {
            findings.error(
                "DLT209",
                principal.place,
                self.path("Principal"),
                "an Allow for anyone (`Principal: \"*\"`)",
            );
        }
    }
}

fn is_anyone(principal: &Node) -> bool {
    let anyone = |node: &Node| expression::list(node).into_iter().any(|item| expression::literal(item) == Some("*"));
    anyone(principal) || principal.get("AWS").is_some_and(anyone)
}

/// An ARN whose resource part is nothing but a star.
fn is_whole_service(resource: &str) -> bool {
    // Placeholders may hold colons, as in `${AWS::Region}`.
    let bare = expression::substituted(resource, |_| "x".to_owned());
    let parts: Vec<_> = bare.splitn(6, ':').collect();
    parts.len() == 6 && parts[0] == "arn" && matches!(parts[5], "*" | "*/*")
}
