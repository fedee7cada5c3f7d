//! What a template's blocks declare, which values fit, and what is said of the others.

mod received;

use captd_variables::{Declared, Type, declared, misfits, schema};
use serde_json::{Value, json};

fn read(text: &str) -> Declared {
    declared(text, &text.parse().unwrap())
}

/// What is wrong with a file, line by line.
fn problems(text: &str) -> Vec<String> {
    read(text).problems.into_iter().map(|problem| format!("{}: {}", problem.line, problem.detail)).collect()
}

fn of(text: &str) -> Type {
    let found = read(&format!("variable \"it\" {{\n  type = {text}\n}}\n"));
    assert_eq!(found.problems, [], "{text}");
    found.variables["it"].of.clone()
}

fn said(value: &Value, of_text: &str) -> Vec<String> {
    misfits(value, &of(of_text)).iter().map(ToString::to_string).collect()
}

#[test]
fn a_type_is_read_and_written_as_terraform_has_it() {
    for text in [
        "string",
        "number",
        "bool",
        "any",
        "list(string)",
        "set(map(number))",
        "tuple([string, list(bool)])",
        "object({ a = string, b = optional(number), c = optional(list(string), [\"x\"]) })",
    ] {
        assert_eq!(of(text).to_string(), text);
    }
    // As before Terraform 0.12.
    assert_eq!(of("\"string\""), Type::String);
    assert_eq!(of("list").to_string(), "list(any)");
    assert_eq!(of("\"map\"").to_string(), "map(any)");
}

#[test]
fn what_is_no_type_is_told_with_its_line() {
    let wrong = |type_text: &str| problems(&format!("# 1\nvariable \"it\" {{\n  type = {type_text}\n}}\n")).join("\n");
    insta::assert_snapshot!(wrong("text"), @"2: variable `it`: its type: there is no type `text`");
    insta::assert_snapshot!(wrong("object"), @"2: variable `it`: its type: `object` must say what is in it");
    insta::assert_snapshot!(wrong("set"), @"2: variable `it`: its type: `set` must say of what: `set(string)`");
    insta::assert_snapshot!(wrong("optional(string)"), @"2: variable `it`: its type: `optional` belongs to an attribute of an object");
    insta::assert_snapshot!(wrong("object({ a = optional(number, var.b) })"), @"2: variable `it`: its type: attribute `a`: the default of `optional` is a value, and no expression");
    insta::assert_snapshot!(wrong("object({ a = object({ b = list(strin) }) })"), @"2: variable `it`: its type: attribute `a`: attribute `b`: there is no type `strin`");
    insta::assert_snapshot!(wrong("var.other"), @"2: variable `it`: its type: `var.other` is no type");
}

#[test]
fn a_block_is_read_in_full() {
    let found = read(
        r#"
variable "size" {
  type        = number
  default     = -3
  description = "How many."
  nullable    = false
  sensitive   = true

  validation {
    condition     = var.size > 0
    error_message = "More than none."
  }
}

output "arn" {
  description = "Its name."
  value       = "x"
  sensitive   = true
}
"#,
    );
    let size = &found.variables["size"];
    assert_eq!((&size.of, &size.default), (&Type::Number, &Some(json!(-3))));
    assert_eq!((size.description.as_deref(), size.is_nullable, size.is_sensitive), (Some("How many."), false, true));
    assert_eq!((size.validations[0].condition.as_str(), size.line), ("var.size > 0", 2));
    assert_eq!(size.validations[0].error_message, "More than none.");
    let arn = &found.outputs["arn"];
    assert_eq!((arn.description.as_deref(), arn.is_sensitive, arn.line), (Some("Its name."), true, 15));
}

#[test]
fn a_default_that_terraform_converts_is_left_to_it() {
    let found =
        read("variable \"a\" {\n  type    = object({ n = optional(number, \"5\") })\n  default = { n = \"6\" }\n}\n");
    assert_eq!((found.problems.as_slice(), &found.variables["a"].default), (&[][..], &Some(json!({"n": "6"}))));
    assert_eq!(misfits(&json!({}), &found.variables["a"].of), []);
}

#[test]
fn a_block_that_declares_nothing_is_told_with_its_line() {
    insta::assert_snapshot!(
        problems(
            r#"variable "a" { default = ["x"] }
variable "a" {}
variable "c" {
  nullable = false
  default  = null
}
variable "d" { default = var.a }
variable {}
output "o" { value = 1 }
output "o" { value = 2 }
"#
        )
        .join("\n"), @r"
        2: variable `a` is declared on line 1 already
        3: variable `c`: its default is null, and it may not be null
        7: variable `d`: its default is an expression, and must be a value
        8: variable has 0 names, and takes one
        10: output `o` is declared on line 9 already
        "
    );
}

#[test]
fn a_value_that_does_not_fit_is_told_with_its_place() {
    let group = "object({ name = string, sizes = optional(list(number), []), tags = optional(map(string)) })";
    let nested =
        json!([{"name": "a", "sizes": [1, "2"], "tgas": {}}, {"sizes": {}}, {"name": null, "tags": {"x/y": 1}}]);
    insta::assert_snapshot!(said(&nested, &format!("list({group})")).join("\n"), @r"
    at /0/tgas is no attribute of this object; it has: name, sizes, tags
    at /0/sizes/1 is a string, and a number is wanted
    at /1 lacks the attribute `name`
    at /1/sizes is an object, and a list (list(number)) is wanted
    at /2/tags/x~1y is a number, and a string is wanted; put it in quotes: unquoted, YAML and JSON read the number 1
    ");
    insta::assert_snapshot!(said(&json!([1]), "tuple([number, number])").join("\n"), @"has 1 values, and 2 are wanted");
    insta::assert_snapshot!(said(&json!("5"), "number").join("\n"), @"is a string, and a number is wanted");
    insta::assert_snapshot!(said(&json!([1, "a", true]), "list(any)").join("\n"), @"holds values of different types, which Terraform would convert; give them one type");
    insta::assert_snapshot!(said(&json!({"e\u{301}": "1", "\u{e9}": "2"}), "map(string)").join("\n"), @"has the name `é` twice, written in two ways that mean the same to Terraform");
    let deep = (0..200).fold(json!(1), |deep, _| json!([deep]));
    insta::assert_snapshot!(said(&deep, "any").join("\n").split_once(' ').unwrap().1.rsplit('/').next().unwrap(), @"0 lies 100 values deep; that is too much");
}

#[test]
fn a_type_is_a_json_schema() {
    let of = of("object({ a = string, b = optional(list(number), [1]), c = optional(tuple([bool, any])) })");
    insta::assert_snapshot!(serde_json::to_string_pretty(&schema(&of)).unwrap(), @r#"
    {
      "additionalProperties": false,
      "properties": {
        "a": {
          "type": [
            "string",
            "null"
          ]
        },
        "b": {
          "default": [
            1
          ],
          "items": {
            "type": [
              "number",
              "null"
            ]
          },
          "type": [
            "array",
            "null"
          ]
        },
        "c": {
          "items": false,
          "maxItems": 2,
          "minItems": 2,
          "prefixItems": [
            {
              "type": [
                "boolean",
                "null"
              ]
            },
            {}
          ],
          "type": [
            "array",
            "null"
          ]
        }
      },
      "required": [
        "a"
      ],
      "type": [
        "object",
        "null"
      ]
    }
    "#);
}
