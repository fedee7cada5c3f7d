//! What Kubernetes takes as keys and values of labels, taints and annotations.

use captd::domain::label::{check_annotation, check_key, check_value};

fn x(length: usize) -> String {
    "x".repeat(length)
}

#[test]
fn keys_are_names_with_a_domain_or_without() {
    let domain = [x(63), x(63), x(63), x(61)].join(".");
    assert_eq!(domain.len(), 253);
    for good in ["a", "A-b_c.d", "9", &x(63), "example.com/a", "a/b", &format!("{domain}/a"), &format!("{}/a", x(64))] {
        assert_eq!(check_key(good), Ok(()), "{good}");
    }
    for (bad, why) in [
        ("", "a key cannot be empty"),
        ("a/b/c", "has more than one `/`"),
        ("/a", "has no domain before its `/`"),
        ("a/", "has no name behind its `/`"),
        ("-a", "begins with `-`"),
        ("a-", "ends with `-`"),
        ("_a", "begins with `_`"),
        ("a.", "ends with `.`"),
        ("team@corp.com", "has `@`"),
        ("a b", "has a space"),
        ("a\tb", "has the character U+0009"),
        ("naïve", "has the character U+00EF"),
        (&x(64), "has 64 characters where 63 are the most"),
        (&format!("example.com/{}", x(64)), "characters where 63 are the most"),
        ("Example.com/a", "has `Example.com` before its `/`, which is not a DNS domain"),
        ("a..b/c", "not a DNS domain"),
        ("-a.b/c", "not a DNS domain"),
        ("a_b/c", "not a DNS domain"),
        (&format!("{domain}x/a"), "not a DNS domain"),
        ("example.com/-a", "begins with `-`"),
    ] {
        let said = check_key(bad).expect_err(bad);
        assert!(said.contains(why), "{bad}: {said}");
    }
}

#[test]
fn values_may_be_empty_and_else_are_words() {
    for good in ["", "a", "true", "A.b_c-d", "9", &x(63)] {
        assert_eq!(check_value(good), Ok(()), "{good}");
    }
    for (bad, why) in [
        ("team@corp.com", "has `@`"),
        ("x y", "has a space"),
        ("-x", "begins with `-`"),
        ("x.", "ends with `.`"),
        ("a/b", "has `/`"),
        ("a:b", "has `:`"),
        ("a\n", "has the character U+000A"),
        (&x(64), "has 64 characters"),
    ] {
        let said = check_value(bad).expect_err(bad);
        assert!(said.contains(why), "{bad}: {said}");
    }
}

#[test]
fn the_domain_of_an_annotation_may_have_capitals() {
    assert_eq!(check_annotation("Example.com/Note"), Ok(()));
    for bad in ["", "a/b/c", "a b", "example.com/"] {
        assert!(check_annotation(bad).is_err(), "{bad}");
    }
}
