//! Real texts of AWS, of its provider and of Terraform, and the class that each is given.

use captd::domain::failure::{Class, Failure, Origin};

/// As the AWS provider begins what EKS answered.
const CREATE: &str = "creating EKS Node Group (demo:w5): operation error EKS: CreateNodegroup, ";

fn check(class: Class, texts: &[&str]) {
    for text in texts {
        let failure = Failure::classified(*text);
        assert_eq!(failure.class.as_str(), class.as_str(), "{text}");
        assert_eq!((failure.message.as_str(), failure.remedy.as_str()), (*text, class.remedy()));
    }
}

#[test]
fn quota() {
    check(
        Class::Quota,
        &[
            &format!(
                "{CREATE}https response error StatusCode: 400, RequestID: x, ResourceLimitExceededException: Maximum number of nodegroups (30) reached for cluster demo"
            ),
            "creating IAM Role (demo.w5): operation error IAM: CreateRole, https response error StatusCode: 409, RequestID: x, LimitExceeded: Cannot exceed quota for RolesPerAccount: 1000",
        ],
    );
}

#[test]
fn throttling_whatever_its_status_code() {
    check(
        Class::Throttling,
        &[
            &format!(
                "{CREATE}exceeded maximum number of attempts, 2, https response error StatusCode: 429, RequestID: x, api error TooManyRequestsException: Too Many Requests"
            ),
            "reading IAM Role (x): operation error IAM: GetRole, exceeded maximum number of attempts, 2, https response error StatusCode: 400, RequestID: x, api error Throttling: Rate exceeded",
            &format!(
                "{CREATE}https response error StatusCode: 400, RequestID: x, InvalidRequestException: Request limit exceeded"
            ),
            "reading EC2 Subnets: operation error EC2: DescribeSubnets, https response error StatusCode: 503, RequestID: x, api error RequestLimitExceeded: Request limit exceeded.",
        ],
    );
}

#[test]
fn rights_and_credentials() {
    check(
        Class::Authentication,
        &[
            &format!(
                "{CREATE}https response error StatusCode: 403, RequestID: x, api error AccessDeniedException: User: u is not authorized to perform: eks:CreateNodegroup"
            ),
            "validating provider credentials: operation error STS: GetCallerIdentity, https response error StatusCode: 403, RequestID: x, api error ExpiredToken: The security token included in the request is expired",
            "No valid credential sources found: Please see https://registry.terraform.io/providers/hashicorp/aws for more information",
            "validating provider credentials: operation error STS: GetCallerIdentity, https response error StatusCode: 403, RequestID: x, api error InvalidClientTokenId: The security token included in the request is invalid.",
            &format!(
                "{CREATE}https response error StatusCode: 403, RequestID: x, api error ExpiredTokenException: The security token included in the request is expired"
            ),
            "reading EC2 Subnets: operation error EC2: DescribeSubnets, https response error StatusCode: 400, RequestID: x, api error RequestExpired: Request has expired.",
            "configuring Terraform AWS Provider: no valid credential sources for Terraform AWS Provider found. Error: failed to refresh cached credentials, refresh cached SSO token failed, unable to refresh SSO token, operation error SSO OIDC: CreateToken, https response error StatusCode: 400, RequestID: x, InvalidGrantException: ",
            "failed to refresh cached credentials, failed to retrieve credentials, operation error STS: AssumeRoleWithWebIdentity, https response error StatusCode: 400, RequestID: x, InvalidIdentityToken: No OpenIDConnect provider found in your account",
            "configuring Terraform AWS Provider: failed to get shared config profile, ops",
            "Cannot assume IAM Role: IAM Role (arn:aws:iam::123456789012:role/captd) cannot be assumed.",
            &format!(
                "{CREATE}https response error StatusCode: 403, RequestID: x, api error InvalidSignatureException: Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z (20260101T001500Z - 5 min.)"
            ),
        ],
    );
}

#[test]
fn capacity() {
    check(
        Class::Capacity,
        &[
            "waiting for EKS Node Group (demo:w7) create: unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last error: w7: AsgInstanceLaunchFailures: Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not have sufficient p4d.24xlarge capacity in the Availability Zone you requested (eu-central-1a).",
            "waiting for EKS Node Group (demo:w7) create: unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last error: subnet-0a: InsufficientFreeAddresses: Amazon Autoscaling was unable to launch instances because there are not enough free addresses in the subnet",
        ],
    );
}

#[test]
fn a_launch_that_failed_goes_by_its_cause() {
    check(
        Class::Authentication,
        &[
            "last error: w7: AsgInstanceLaunchFailures: Could not launch On-Demand Instances. UnauthorizedOperation - You are not authorized to perform this operation.",
        ],
    );
    check(
        Class::Quota,
        &[
            "last error: w7: AsgInstanceLaunchFailures: Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your current vCPU limit of 32 allows for the instance bucket that the specified instance type belongs to.",
        ],
    );
}

#[test]
fn network() {
    check(
        Class::Network,
        &[
            &format!(
                "{CREATE}https response error StatusCode: 0, RequestID: , request send failed, Post \"http://127.0.0.1:9/\": dial tcp 127.0.0.1:9: connect: connection refused"
            ),
            "request send failed, Post \"https://eks.eu-central-1.amazonaws.com/\": dial tcp: lookup eks.eu-central-1.amazonaws.com: no such host",
            "Get \"https://eks.eu-central-1.amazonaws.com/clusters/demo\": dial tcp: lookup eks.eu-central-1.amazonaws.com on 127.0.0.53:53: server misbehaving",
            "Get \"https://eks.eu-central-1.amazonaws.com/clusters/demo\": dial tcp: lookup eks.eu-central-1.amazonaws.com: Temporary failure in name resolution",
            "Failed to query available provider packages: Could not retrieve the list of available versions for provider hashicorp/aws: could not connect to registry.terraform.io: failed to request discovery document: Get \"https://registry.terraform.io/.well-known/terraform.json\": net/http: TLS handshake timeout",
            "reading IAM Role (x): operation error IAM: GetRole, https response error StatusCode: 0, RequestID: , request send failed, Post \"https://iam.amazonaws.com/\": dial tcp 10.0.0.1:443: i/o timeout",
        ],
    );
}

#[test]
fn a_wrong_declaration() {
    check(
        Class::Configuration,
        &[
            &format!(
                "{CREATE}https response error StatusCode: 404, RequestID: x, api error ResourceNotFoundException: No cluster found for name: nope."
            ),
            &format!(
                "{CREATE}https response error StatusCode: 400, RequestID: x, InvalidParameterException: The following supplied instance types do not exist: [t3.nonsense]"
            ),
            "Resource precondition failed: desired_size lies from min_size to max_size. (modules/local-nodegroup/main.tf line 30)",
            "Invalid value for variable: node_group_name has 1 to 63 letters (main.tf line 11)",
            "No value for required variable: The root module input variable \"subnet_ids\" is not set",
        ],
    );
}

#[test]
fn a_mistake_in_a_template() {
    check(
        Class::Configuration,
        &[
            "Reference to undeclared input variable: An input variable with the name \"nope\" has not been declared. (main.tf line 5)",
            "Invalid function argument: Invalid value for \"path\" parameter: no file exists at \"/nope\" (main.tf line 5)",
            "Unsupported attribute: Can't access attributes on a primitive-typed value (string). (main.tf line 5)",
            "Error in function call: Call to function \"jsondecode\" failed: invalid character 'x' looking for beginning of value. (main.tf line 5)",
            "Invalid index: The given key does not identify an element in this collection value. (main.tf line 5)",
            "Invalid operand: Unsuitable value for left operand: a number is required. (main.tf line 5)",
            "Invalid count argument: The given \"count\" argument value is null. An integer is required. (main.tf line 2)",
            "Invalid for_each argument: The given \"for_each\" argument value is unsuitable (main.tf line 2)",
            "Self-referential block: Configuration for terraform_data.x may not refer to itself. (main.tf line 2)",
            "Resource postcondition failed: Nope. (main.tf line 4)",
            "Error: Argument definition required",
            "Error: Something new\n\n  on main.tf line 5, in resource \"terraform_data\" \"x\":\n   5:       condition = false\n\nIt cannot be so.",
        ],
    );
}

/// A node group that stands in no state of ours: another try finds it again, and only a person can
/// say whether it is to be deleted or taken over.
#[test]
fn a_node_group_that_is_there_already_is_no_lock() {
    for text in [
        &format!(
            "{CREATE}https response error StatusCode: 409, RequestID: x, ResourceInUseException: NodeGroup already exists with name w7 and cluster name demo"
        ),
        "creating IAM Role (demo.w5): operation error IAM: CreateRole, https response error StatusCode: 409, RequestID: x, EntityAlreadyExists: Role with name demo.w5 already exists.",
    ] {
        let failure = Failure::classified(text);
        assert_eq!(failure.class.as_str(), "configuration", "{text}");
        assert!(failure.remedy.contains("delete it there, or give the node group another name"), "{}", failure.remedy);
    }
}

/// Rights of the role, the way to the API server, the AMI: nothing that another half hour and
/// another set of instances would mend.
#[test]
fn nodes_that_never_join_wait_for_a_person() {
    check(
        Class::Configuration,
        &[
            "waiting for EKS Node Group (demo:w5) create: unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last error: w5: NodeCreationFailure: Instances failed to join the kubernetes cluster",
        ],
    );
}

#[test]
fn locks_of_the_state_and_of_the_node_group() {
    check(
        Class::Lock,
        &[
            "Error acquiring the state lock: resource temporarily unavailable",
            "Error acquiring the state lock: Error message: HTTP remote state already locked: ID=a1",
            "updating EKS Node Group (demo:w5) config: operation error EKS: UpdateNodegroupConfig, https response error StatusCode: 409, RequestID: x, ResourceInUseException: Nodegroup cannot be updated as it is currently not in Active State",
        ],
    );
}

#[test]
fn what_is_still_in_use() {
    check(
        Class::Dependency,
        &[
            "deleting EC2 Security Group (sg-0a): operation error EC2: DeleteSecurityGroup, https response error StatusCode: 400, RequestID: x, api error DependencyViolation: resource sg-0a has a dependent object",
            "deleting EKS Cluster (demo): operation error EKS: DeleteCluster, https response error StatusCode: 409, RequestID: x, ResourceInUseException: Cluster has nodegroups attached",
            "deleting EC2 Transit Gateway (tgw-0a): operation error EC2: DeleteTransitGateway, https response error StatusCode: 400, RequestID: x, api error IncorrectState: tgw-0a still has attachments",
            "deleting IAM Role (demo.w5): operation error IAM: DeleteRole, https response error StatusCode: 409, RequestID: x, DeleteConflict: Cannot delete entity, must detach all policies first.",
            "deleting Auto Scaling Group (x): operation error Auto Scaling: DeleteAutoScalingGroup, https response error StatusCode: 400, RequestID: x, ResourceInUse: You cannot delete an AutoScalingGroup while there are instances",
            "deleting S3 Bucket (x): operation error S3: DeleteBucket, https response error StatusCode: 409, RequestID: x, api error BucketNotEmpty: The bucket you tried to delete is not empty",
        ],
    );
}

/// Of texts that say more than their class: its class, and a word of what to do.
#[test]
fn what_has_a_remedy_of_its_own() {
    for (class, text, word) in [
        (
            Class::Configuration,
            "waiting for EKS Node Group (demo:w5) version update (9f2c): unexpected state 'Failed', wanted target 'Successful'. last error: ip-10-0-1-2.eu-central-1.compute.internal: PodEvictionFailure: Reached max retries while trying to evict pods from nodes in node group w5",
            "PodDisruptionBudgets",
        ),
        (
            Class::Network,
            "request send failed, Post \"https://eks.eu-central-1.amazonaws.com/\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
            "SSL_CERT_FILE",
        ),
        (
            Class::Network,
            "Get \"https://eks.eu-central-1.amazonaws.com/\": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-01-01T00:00:00Z is after 2025-01-01T00:00:00Z",
            "clock",
        ),
        (
            Class::Network,
            "Post \"https://eks.eu-central-1.amazonaws.com/\": remote error: tls: handshake failure",
            "certificate",
        ),
    ] {
        let failure = Failure::classified(text);
        assert_eq!((failure.class.as_str(), failure.message.as_str()), (class.as_str(), text));
        assert!(failure.remedy.contains(word), "{text}: {}", failure.remedy);
        let tries = failure.remedy.contains("captd tries again by itself");
        assert_eq!(tries, failure.class.is_retryable(), "{}", failure.remedy);
    }
}

#[test]
fn a_terraform_that_somebody_else_killed() {
    let killed = Failure::ended_by_signal("terraform plan", 9, "it said nothing");
    assert_eq!(killed.message, "terraform plan was ended by signal 9: it said nothing");
    assert_eq!(killed.class.as_str(), "limit");
    assert!(killed.remedy.contains("memory runs out"), "{}", killed.remedy);
    let other = Failure::ended_by_signal("terraform plan", 15, "");
    assert_eq!((other.class.as_str(), other.remedy.as_str()), ("provider", Class::Provider.remedy()));
}

#[test]
fn a_full_disk_and_a_limit_of_the_machine() {
    check(
        Class::Disk,
        &[
            "Failed to write workspace: write /var/lib/captd/workspaces/x/terraform.tfvars.json: no space left on device",
            "Failed to install provider: Error while installing hashicorp/aws v5.100.0: write /tmp/x: no space left on device",
            "local-exec provisioner error: tar: x: Cannot write: No space left on device",
            "write /var/x/.terraform: disk quota exceeded",
        ],
    );
    check(
        Class::Limit,
        &[
            "fork/exec /usr/bin/terraform-provider-aws: cannot allocate memory",
            "local-exec provisioner error: Error running command 'x': signal: killed. Output: ",
            "local-exec provisioner error: exit status 137. Output: ",
            "open /tmp/x: too many open files",
            "write /tmp/x: file too large",
        ],
    );
    for (class, text) in [
        ("disk", "cannot write the workspace: No space left on device (os error 28)"),
        ("disk", "the database failed: (code: 13) database or disk is full"),
        ("limit", "cannot start terraform: Too many open files (os error 24)"),
        ("internal", "cannot read the saved plan: unexpected end"),
    ] {
        assert_eq!(Failure::own(text).class.as_str(), class, "{text}");
    }
}

/// `internal` means a defect of captd, and what others say is none.
#[test]
fn where_a_diagnostic_points_decides_before_its_words() {
    use Origin::{Elsewhere, Setting, Template};
    let unknown = "Something nobody has seen";
    for (class, text, origins) in [
        ("configuration", unknown, &[Template][..]),
        ("configuration", unknown, &[Template, Setting]),
        ("configuration", unknown, &[Setting]),
        ("provider", unknown, &[Elsewhere]),
        ("provider", unknown, &[Setting, Elsewhere]),
        ("provider", unknown, &[]),
        // The words of whoever wrote the template are no answer of a cloud.
        ("configuration", "Resource precondition failed: Throttling is for weekdays.", &[Template]),
        ("configuration", "Invalid value for variable: the disk has no space left on device x.", &[Template]),
        ("configuration", "Check: the name already exists.", &[Template]),
        // A provider that refuses a setting, and one that was refused.
        ("throttling", "ThrottlingException: Rate exceeded", &[Elsewhere]),
        ("throttling", "ThrottlingException: Rate exceeded", &[Setting]),
        ("authentication", "configuring: no EC2 IMDS role found: AccessDenied", &[Setting]),
        ("provider_lost", "Error in function call: plugin process exited", &[Template]),
        ("provider", "reading EKS Cluster (x): couldn't find resource", &[Elsewhere]),
        ("provider", "invalid character '<' looking for beginning of value", &[Elsewhere]),
    ] {
        assert_eq!(Failure::diagnosed(text, origins).class.as_str(), class, "{text} {origins:?}");
    }
}

#[test]
fn health_issues_of_a_node_group() {
    let issues = "unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last error: w5: ";
    for (class, issue) in [
        (Class::Configuration, "IamNodeRoleNotFound: We couldn't find your role arn:aws:iam::123456789012:role/nodes"),
        (Class::Configuration, "Ec2SubnetNotFound: We couldn't find one or more subnets for your cluster."),
        (Class::Configuration, "NodeTerminationFailure: Instances failed to leave the kubernetes cluster"),
        (Class::Throttling, "AutoScalingGroupRateLimitExceeded: Rate exceeded"),
        (Class::Quota, "IamLimitExceeded: Cannot exceed quota for InstanceProfilesPerAccount: 1000"),
        (
            Class::Network,
            "ClusterUnreachable: Amazon EKS or one or more of your managed nodes is unable to communicate with your cluster's API server",
        ),
        (Class::Lock, "AutoScalingGroupInstanceRefreshActive: An instance refresh is active"),
    ] {
        check(class, &[&format!("{issues}{issue}")]);
    }
}

#[test]
fn a_provider_that_died() {
    check(
        Class::ProviderLost,
        &[
            "Request cancelled: The plugin.(*GRPCProvider).ApplyResourceChange request was cancelled. (module.nodegroup.aws_eks_node_group.this)",
            "terraform plan failed: panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation code=0x1]",
            "Failed to load plugin schemas: Error while loading schemas for plugin components: Failed to obtain provider schema: Could not load the schema for provider registry.terraform.io/hashicorp/aws: failed to instantiate provider \"registry.terraform.io/hashicorp/aws\" to obtain schema: timeout while waiting for plugin to start.",
            "Plugin did not respond: The plugin encountered an error, and failed to respond to the plugin.(*GRPCProvider).ApplyResourceChange call. The plugin logs may contain more details. (module.nodegroup.aws_eks_node_group.this)",
        ],
    );
}

#[test]
fn what_took_too_long() {
    check(
        Class::Timeout,
        &[
            "waiting for EKS Node Group (demo:w5) create: timeout while waiting for state to become 'ACTIVE' (last state: 'CREATING', timeout: 1h0m0s)",
        ],
    );
}

#[test]
fn the_clouds_own_failures_and_the_unknown() {
    check(
        Class::Provider,
        &[
            &format!("{CREATE}https response error StatusCode: 500, RequestID: x, ServerException: Internal error"),
            "something that nobody has seen before",
            "",
        ],
    );
}

#[test]
fn a_remedy_says_whether_captd_tries_again_by_itself() {
    for class in Class::ALL {
        let says_so = class.remedy().contains("captd tries again by itself");
        assert_eq!(says_so, class.is_retryable(), "{}", class.as_str());
    }
}

#[test]
fn a_client_that_has_given_up_its_tries_proves_nothing() {
    for (message, is_safe) in [
        ("creating VPC: api error RequestLimitExceeded: Request limit exceeded.", true),
        ("creating VPC: failed to get rate limit token, retry quota exceeded, 0 available, 5 requested", false),
        ("creating VPC: https response error StatusCode: 500, SomethingNew", false),
    ] {
        assert_eq!(Failure::classified(message).is_safe_to_repeat(), is_safe, "{message}");
    }
}
