//! What a template writes into HCL itself: literals by default, the same bytes for every machine, and
//! an error that names its file.

use std::collections::BTreeMap;

use captd::config::AwsProvider;
use captd::config::providers::Credentials;
use captd::domain::name::Name;
use captd::domain::template::{Manifest, Provider, Template};
use captd::render::{Library, Rendered, VALUES_FILE, render};
use serde_json::{Map, Value, json};

use super::{apply, nfc};

fn template(files: &[(&str, &str)]) -> Template {
    let block = "variable \"declared\" {\n  default = null\n}\n";
    Template {
        name: Name::parse("mine").unwrap(),
        revision: "1".to_owned(),
        manifest: Manifest {
            description: String::new(),
            permissions: Vec::new(),
            autoscaled: BTreeMap::new(),
            update_policy: captd::domain::template::UpdatePolicy::default(),
            export_to: Vec::new(),
            gateway: captd::domain::template::Gateway::On,
            provider: Provider::Aws,
            modules: Vec::new(),
            protects: Vec::new(),
            env: Vec::new(),
            import_ids: BTreeMap::new(),
            in_service: BTreeMap::new(),
        },
        files: files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect(),
        modules: BTreeMap::new(),
        variables: captd_variables::declared(block, &block.parse().unwrap()).variables,
        outputs: BTreeMap::new(),
    }
}

fn provider() -> AwsProvider {
    AwsProvider {
        region: None,
        account_id: None,
        namespaces: vec!["*".to_owned()],
        credentials: Credentials::Key { access_key: "AKIAHIDDEN".to_owned(), secret_key: "s3cret".to_owned() },
        assume_role_arn: None,
        endpoint_url: None,
        env_allow: Vec::new(),
        proxy: None,
        ca_file: None,
        ignore_tags: captd::config::IgnoreTags::default(),
    }
}

fn built_in(name: &str, values: &Map<String, Value>, provider: &AwsProvider) -> Rendered {
    let library = Library::load(None).unwrap();
    render(library.get(&Name::parse(name).unwrap()).unwrap(), values, Some("eu-central-1"), Some(provider)).unwrap()
}

/// The provider block that the EKS template writes.
fn block(provider: &AwsProvider) -> String {
    let rendered = built_in("eks-nodegroup-template", &Map::new(), provider);
    let main = &rendered.files["main.tf"];
    let (_, from) = main.split_once("provider \"aws\" {\n").unwrap();
    let (block, _) = from.split_once("\n}\n").unwrap();
    block.to_owned()
}

#[test]
fn a_value_is_a_literal_without_the_templates_doing() {
    let text = "a = {{ provider.region }}\nb = [{{ provider.endpoint_url }}]\n";
    let provider = AwsProvider { endpoint_url: Some("http://x/\"${y}".to_owned()), ..provider() };
    let rendered = render(&template(&[("main.tf.tera", text)]), &Map::new(), Some("eu\n%{ if true }"), Some(&provider));
    let expected = "a = \"eu\\n%%{ if true }\"\nb = [\"http://x/\\\"$${y}\"]\n";
    assert_eq!(rendered.unwrap().files["main.tf"], expected);
}

#[test]
fn what_is_no_text_is_written_as_it_is() {
    let text = "skip = {{ provider.skip }}\n";
    let rendered = render(&template(&[("main.tf.tera", text)]), &Map::new(), None, Some(&provider())).unwrap();
    assert_eq!(rendered.files["main.tf"], "skip = false\n");
}

#[test]
fn the_real_terraform_reads_what_was_configured() {
    if !crate::support::requires("terraform") {
        return;
    }
    let hostile =
        |name: &str| format!("{name} ${{file(\"/etc/passwd\")}} \" \\ \n %{{ if true }} ${{x}}%${{var.y}} e\u{301}");
    let fields = ["region", "account_id", "assume_role_arn", "endpoint_url"];
    let text: String = fields
        .iter()
        .map(|field| format!("output \"{field}\" {{\n  value = {{{{ provider.{field} }}}}\n}}\n"))
        .collect();
    let provider = AwsProvider {
        account_id: Some(hostile("account_id")),
        assume_role_arn: Some(hostile("assume_role_arn")),
        endpoint_url: Some(hostile("endpoint_url")),
        ..provider()
    };
    let region = hostile("region");
    let rendered = render(&template(&[("main.tf.tera", &text)]), &Map::new(), Some(&region), Some(&provider)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    captd::render::materialise(folder.path(), &rendered).unwrap();
    let read = apply(folder.path());
    for field in fields {
        assert_eq!(read[field], nfc(&hostile(field)).as_str());
    }
}

#[test]
fn the_provider_block_of_an_account() {
    insta::assert_snapshot!(block(&provider()), @r#"  region = "eu-central-1""#);
    let whole = AwsProvider {
        account_id: Some("012345678901".to_owned()),
        assume_role_arn: Some("arn:aws:iam::012345678901:role/captd".to_owned()),
        ..provider()
    };
    insta::assert_snapshot!(block(&whole), @r#"
      region = "eu-central-1"

      allowed_account_ids = ["012345678901"]

      assume_role {
        role_arn = "arn:aws:iam::012345678901:role/captd"
      }
    "#);
}

#[test]
fn the_provider_block_of_a_private_aws() {
    let private = AwsProvider { endpoint_url: Some("http://127.0.0.1:5000".to_owned()), ..provider() };
    insta::assert_snapshot!(block(&private), @r#"
      region = "eu-central-1"

      skip_credentials_validation = true
      skip_requesting_account_id  = true
      skip_metadata_api_check     = true

      endpoints {
        autoscaling = "http://127.0.0.1:5000"
        ec2         = "http://127.0.0.1:5000"
        eks         = "http://127.0.0.1:5000"
        iam         = "http://127.0.0.1:5000"
        sts         = "http://127.0.0.1:5000"
      }
    "#);
}

#[test]
fn no_secret_is_in_a_file() {
    let rendered = built_in("eks-nodegroup-template", &Map::new(), &provider());
    let all: String = rendered.files.values().cloned().collect();
    assert!(!all.contains("AKIAHIDDEN") && !all.contains("s3cret"));
}

#[test]
fn machines_of_one_provider_differ_in_their_values_only() {
    let values =
        |name: &str, size: u32| json!({"node_group_name": name, "desired_size": size}).as_object().unwrap().clone();
    let mut one = built_in("eks-nodegroup-template", &values("a", 1), &provider());
    let mut other = built_in("eks-nodegroup-template", &values("b", 2), &provider());
    assert_eq!(one.structure, other.structure);
    assert_ne!(one.files.remove(VALUES_FILE), other.files.remove(VALUES_FILE));
    assert_eq!(one.files, other.files);

    let elsewhere = AwsProvider { endpoint_url: Some("http://127.0.0.1:5000".to_owned()), ..provider() };
    assert_ne!(built_in("eks-nodegroup-template", &values("a", 1), &elsewhere).structure, one.structure);
}

#[test]
fn a_template_takes_the_values_that_it_declares_and_no_nulls() {
    let given = json!({"declared": {"a": [1]}, "undeclared": 1}).as_object().unwrap().clone();
    let files = [("main.tf", "locals {\n}\n"), ("notes.txt", "{{ not rendered }}")];
    let rendered = render(&template(&files), &given, None, None).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&rendered.files[VALUES_FILE]).unwrap(), json!({"declared": {"a": [1]}}));
    assert_eq!(rendered.files["notes.txt"], "{{ not rendered }}");
    let null = json!({"declared": null}).as_object().unwrap().clone();
    let rendered = render(&template(&files), &null, None, None).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&rendered.files[VALUES_FILE]).unwrap(), json!({}));
}

#[test]
fn what_cannot_be_rendered_names_template_and_file() {
    for (path, text, reason) in [
        ("network.tf.tera", "a = {{ provider.regoin }}\n", "regoin"),
        ("network.tf.tera", "a = {{ nothing }}\n", "nothing"),
        ("network.tf.tera", "{% if provider.region %}\n", ""),
        ("network.tf.tera", "a = {{ provider.region | safe }}\n", ""),
        ("network.tf", "resource {\n", ""),
    ] {
        let files = [("main.tf", "locals {\n}\n"), (path, text)];
        let error = render(&template(&files), &Map::new(), Some("not an [expression"), None).unwrap_err();
        assert!(error.file.starts_with("network.tf"), "{error:?}");
        assert!(error.reason.contains(reason) && !error.reason.is_empty(), "{error:?}");
        assert!(error.to_string().starts_with("template mine, network.tf"), "{error}");
    }
}
