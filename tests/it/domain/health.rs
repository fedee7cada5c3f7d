//! EKS's health issues in what the AWS provider says.

use captd::domain::health::{HealthIssue, health_issues};

const FAILED: &str = "terraform apply failed: waiting for EKS Node Group (demo:w5) create: unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last error: ";

fn issue(code: &str, message: &str, ids: &[&str]) -> HealthIssue {
    let resource_ids = ids.iter().map(|id| (*id).to_owned()).collect();
    HealthIssue { code: code.to_owned(), message: message.to_owned(), resource_ids }
}

#[test]
fn each_issue_has_its_code_its_sentence_and_what_it_is_about() {
    let text = format!(
        "{FAILED}i-0a1b, i-0c2d: NodeCreationFailure: Instances failed to join the kubernetes cluster\nsubnet-0a: InsufficientFreeAddresses: Not enough free addresses: 2 of 10 (module.nodegroup.aws_eks_node_group.this, modules/eks-nodegroup/main.tf line 46)"
    );
    assert_eq!(
        health_issues(&text),
        [
            issue("NodeCreationFailure", "Instances failed to join the kubernetes cluster", &["i-0a1b", "i-0c2d"]),
            issue("InsufficientFreeAddresses", "Not enough free addresses: 2 of 10", &["subnet-0a"]),
        ]
    );
}

#[test]
fn what_follows_an_issue_and_is_none_is_left_out() {
    let text =
        format!("{FAILED}w5: AccessDenied: No (really)\nCannot do something else: reading IAM Role (x): empty result");
    assert_eq!(health_issues(&text), [issue("AccessDenied", "No (really)", &["w5"])]);
}

#[test]
fn other_failures_tell_no_issue() {
    for text in [
        "",
        "creating EKS Node Group (demo:w5): operation error EKS: CreateNodegroup, https response error StatusCode: 400",
        "waiting for IAM Role (x) create: unexpected state 'A', wanted target 'B'. last error: x: NotFound: y",
        "waiting for EKS Node Group (demo:w5) create: timeout while waiting for state to become 'ACTIVE' (last state: 'CREATING', timeout: 1h0m0s)",
        &format!("{FAILED}something went wrong: for no: reason"),
    ] {
        assert_eq!(health_issues(text), [], "{text}");
    }
}
