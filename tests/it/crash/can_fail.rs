//! The trials' own checks find what they are there to find.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::clouds::{check_journal, compare, too_often};
use super::scenario::{Cloud, Declared, Deed, Machine, Scenario, Victim};
use super::{FEW, Trouble};

fn declare(desired: u32, instance_type: &str) -> Deed {
    Deed::Declare(Declared { desired, label: "first".to_owned(), instance_type: instance_type.to_owned() })
}

fn machine(deeds: Vec<Deed>) -> Machine {
    Machine {
        name: "m0".to_owned(),
        seconds: 1.0,
        deeds: deeds.into_iter().map(|deed| (Duration::ZERO, deed)).collect(),
    }
}

fn told(troubles: &[Trouble]) -> String {
    troubles.iter().map(|trouble| format!("{trouble}\n")).collect()
}

#[test]
fn what_is_not_there_is_lost_and_what_is_there_undeclared_is_doubled() {
    let names = |list: &[&str]| list.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
    let troubles = compare("the thing", &names(&["kept", "left over"]), &names(&["kept", "gone"]));
    insta::assert_snapshot!(told(&troubles), @r"
    Lost: the thing gone is not there
    Doubled: the thing left over is there undeclared
    ");
    assert_eq!(compare("the thing", &names(&["kept"]), &names(&["kept"])), []);
}

/// Two lines of a journal: one thing is made by this terraform from one second to another.
fn made(name: &str, terraform: u32, from: u32, to: u32) -> String {
    let pid = terraform * 10 + from;
    let line = |time, word| format!("{time}.5 {word} create {name} {pid} {terraform}\n");
    [line(from, "begin"), line(to, "created"), line(to, "end")].concat()
}

fn in_journal(journal: &[String], killed: &[u32], deeds: Vec<Deed>) -> String {
    told(&check_journal(&journal.concat(), &killed.iter().copied().collect(), &[machine(deeds)]))
}

#[test]
fn a_thing_that_is_made_more_often_than_it_was_to_exist_is_found() {
    let twice = [made("group.m0", 7, 1, 2), made("group.m0", 8, 3, 4)];
    let once = || vec![declare(1, "t3.medium"), declare(2, "t3.medium")];
    insta::assert_snapshot!(in_journal(&twice, &[], once()), @"Doubled: group.m0 was created 2 times, and was to be 1 times");
    let replaced = vec![declare(1, "t3.medium"), declare(1, "m5.large")];
    assert_eq!(in_journal(&twice, &[], replaced), "");
    let again = vec![declare(1, "t3.medium"), Deed::Delete, declare(1, "t3.medium")];
    assert_eq!(in_journal(&twice, &[], again), "");
    insta::assert_snapshot!(in_journal(&[made("node.m0.4", 7, 1, 2)], &[], once()), @"Doubled: node.m0.4 was created 1 times, and was to be 0 times");
}

#[test]
fn a_replacement_that_a_killed_terraform_did_not_record_is_made_once_more_and_no_oftener() {
    let deeds = || vec![declare(1, "t3.medium"), declare(1, "m5.large")];
    let first = made("group.m0", 7, 1, 2);
    let replaced = |terraform: u32, from: u32| {
        let gone = format!("{from}.1 destroyed destroy group.m0 {terraform} {terraform}\n");
        gone + &made("group.m0", terraform, from, from + 1)
    };
    let again = [first.clone(), replaced(8, 3), replaced(9, 5)];
    assert_eq!(in_journal(&again, &[8], deeds()), "");
    insta::assert_snapshot!(in_journal(&again, &[], deeds()), @"Doubled: group.m0 was created 3 times, and was to be 2 times");
    insta::assert_snapshot!(in_journal(&again, &[7], deeds()), @"Doubled: group.m0 was created 3 times, and was to be 2 times");
    let and_again = [first, replaced(8, 3), replaced(9, 5), replaced(10, 7)];
    insta::assert_snapshot!(in_journal(&and_again, &[8], deeds()), @"Doubled: group.m0 was created 3 times, and was to be 2 times");
}

#[test]
fn two_terraforms_at_work_for_one_machine_are_found() {
    let beside = [made("group.m0", 7, 1, 5), made("node.m0.0", 8, 3, 4)];
    let one = || vec![declare(1, "t3.medium")];
    insta::assert_snapshot!(in_journal(&beside, &[], one()), @"Doubled: two terraforms (7 and 8) worked on m0 at one time");
    assert_eq!(in_journal(&beside, &[7], one()), "", "what a killed one has begun goes on by itself");
    let by_one = [made("group.m0", 7, 1, 5), made("node.m0.0", 7, 3, 4)];
    assert_eq!(in_journal(&by_one, &[], one()), "");
    let in_turn = [made("group.m0", 7, 1, 2), made("node.m0.0", 8, 3, 4)];
    assert_eq!(in_journal(&in_turn, &[], one()), "");
    let without_end = ["1.5 begin create group.m0 70 7\n".to_owned(), made("node.m0.0", 8, 3, 4)];
    insta::assert_snapshot!(in_journal(&without_end, &[], one()), @"Doubled: two terraforms (7 and 8) worked on m0 at one time");
}

#[test]
fn a_node_group_that_is_made_twice_is_found_also_where_an_answer_was_dropped() {
    let group = |token: &str, status: Value, worked: Value| json!({"action": "CreateNodegroup", "makes": "m0", "token": token, "status": status, "worked_status": worked});
    let one = [machine(vec![declare(1, "t3.medium")])];
    let calls = [group("a", json!(200), Value::Null), group("b", Value::Null, json!(200))];
    insta::assert_snapshot!(told(&too_often(&calls, &one)), @"Doubled: CreateNodegroup made m0 2 times, and was to make it 1 times");
    let refused =
        [group("a", json!(200), Value::Null), group("b", json!(409), Value::Null), group("c", Value::Null, json!(409))];
    assert_eq!(too_often(&refused, &one), []);
    let said_again = [group("a", Value::Null, json!(200)), group("a", json!(200), Value::Null)];
    assert_eq!(too_often(&said_again, &one), []);
    let of_another = json!({"action": "CreateNodegroup", "makes": "m1", "status": 200});
    assert_eq!(too_often(&[group("a", json!(200), Value::Null), of_another], &one), []);
    let role = json!({"action": "CreateRole", "makes": "demo.m0.eu-central-1.node", "status": 200});
    insta::assert_snapshot!(told(&too_often(&[role.clone(), role], &one)), @"Doubled: CreateRole made demo.m0.eu-central-1.node 2 times, and was to make it 1 times");
}

#[test]
fn the_few_trials_are_to_strike_each_local_victim() {
    let met: BTreeSet<Victim> =
        FEW.iter().flat_map(|seed| Scenario::from_seed(*seed, Cloud::Local).faults).map(|fault| fault.victim).collect();
    assert_eq!(met, Victim::LOCAL.into_iter().collect());
}
