//! Modules that cannot be reached, and what stands in for them.

use captd_capt::Version;

#[test]
fn a_stand_in_serves_the_versions_that_a_constraint_allows() {
    let version = Version::parse("20.37.2").unwrap();
    for constraint in
        ["20.37.2", "= 20.37.2", "~> 20.0", "~> 20.37.0", "~> 20", ">= 20.0, < 21", "!= 20.37.1", "<= 20.37.2", "> 20"]
    {
        assert_eq!(version.is_allowed_by(constraint), Ok(true), "{constraint}");
    }
    for constraint in ["~> 21.0", "~> 20.38", "~> 20.36.0", "< 20", "20.37", ">= 20.0, != 20.37.2", "> 20.37.2"] {
        assert_eq!(version.is_allowed_by(constraint), Ok(false), "{constraint}");
    }
    for constraint in ["latest", "=> 20", "20.x", "1.2.3.4", ""] {
        assert!(version.is_allowed_by(constraint).is_err(), "{constraint}");
    }
}
