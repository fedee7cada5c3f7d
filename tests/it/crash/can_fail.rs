//! The trials' own checks find what they are there to find.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::clouds::{Interrupted, check_held, check_journal, compare, too_often};
use super::people::{Event, unapproved};
use super::processes;
use super::scenario::{Cloud, Declared, Deed, Machine, Scenario, Victim};
use super::words::Words;
use super::world::Held;
use super::{FEW, Trouble, share_of_aws};

fn declare(desired: u32, instance_type: &str) -> Deed {
    Deed::Declare(Declared { desired, label: "first".to_owned(), instance_type: instance_type.to_owned() })
}

fn machine(deeds: Vec<Deed>) -> Machine {
    Machine {
        name: "m0".to_owned(),
        seconds: 1.0,
        refused: None,
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
    let interrupted = Interrupted { killed: killed.iter().copied().collect(), ..Interrupted::default() };
    told(&check_journal(&journal.concat(), &interrupted, &[machine(deeds)]))
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

#[test]
fn what_a_canceled_terraform_had_to_give_up_may_be_made_once_more_and_nothing_else() {
    let interrupted = Interrupted { canceled: [7].into(), ..Interrupted::default() };
    let check = |journal: &[String]| {
        told(&check_journal(&journal.concat(), &interrupted, &[machine(vec![declare(1, "t3.medium")])]))
    };
    let gone = "4.5 destroyed destroy group.m0 80 8\n".to_owned();
    assert_eq!(check(&[made("group.m0", 7, 1, 2), gone.clone(), made("group.m0", 8, 5, 6)]), "");
    let kept = [made("group.m0", 7, 1, 2), made("group.m0", 8, 5, 6)];
    insta::assert_snapshot!(check(&kept), @"Doubled: group.m0 was created 2 times, and was to be 1 times");
    let by_another = [made("group.m0", 9, 1, 2), gone, made("group.m0", 8, 5, 6)];
    insta::assert_snapshot!(check(&by_another), @"Doubled: group.m0 was created 2 times, and was to be 1 times");
}

#[test]
fn work_under_a_lock_that_a_person_holds_is_found() {
    let held = |machine: &str| [Held { machine: machine.to_owned(), from: 3.0, to: 5.0 }];
    let check = |journal: String, machine: &str, interrupted: Interrupted| {
        told(&check_held(&journal, &interrupted, &held(machine)))
    };
    let none = Interrupted::default;
    insta::assert_snapshot!(check(made("group.m0", 7, 4, 6), "m0", none()), @"Doubled: group.m0 was worked on while a person held its lock");
    assert_eq!(check(made("group.m0", 7, 1, 4), "m0", none()), "", "what was begun before");
    assert_eq!(check(made("group.m0", 7, 5, 6), "m0", none()), "", "what begins afterwards");
    assert_eq!(check(made("group.m0", 7, 4, 6), "m1", none()), "", "another's");
    let killed = Interrupted { killed: [7].into(), ..none() };
    assert_eq!(check(made("group.m0", 7, 4, 6), "m0", killed), "", "what a killed one has begun goes on by itself");
}

#[test]
fn what_was_applied_without_anybody_s_word_is_found() {
    let run = |kind: &str, owner: &str, step: &str, by: Value| json!({"id": "r", "kind": kind, "owner": {"kind": owner}, "steps": [{"name": "plan"}, {"name": step}], "approvedBy": by});
    let bad = run("apply", "Machine", "apply", Value::Null);
    insta::assert_snapshot!(told(&unapproved(&[bad])), @r#"Other: run "r" was applied without anybody's word"#);
    let good = [
        run("apply", "Machine", "apply", json!("admin")),
        run("apply", "Machine", "show", Value::Null),
        run("apply", "Workspace", "apply", Value::Null),
        // Deleting is consent in itself.
        run("destroy", "Machine", "apply", Value::Null),
    ];
    assert_eq!(unapproved(&good), []);
}

/// One that hangs is no less there than one that works.
#[test]
fn a_process_that_was_stopped_and_left_behind_is_found() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut child = std::process::Command::new("sleep").arg("600").current_dir(folder.path()).spawn().unwrap();
    let living = || processes::living_in(folder.path()).into_iter().map(|(pid, _)| pid).collect::<Vec<_>>();
    assert!(processes::stop(child.id()));
    assert_eq!(living(), [child.id()]);
    assert!(processes::go_on(child.id(), folder.path()) && processes::kill(child.id()));
    child.wait().unwrap();
    assert!(living().is_empty() && !processes::go_on(child.id(), folder.path()));
}

#[test]
fn of_mixed_trials_exactly_so_many_are_on_aws() {
    for (trials, aws) in [(500, 100), (500, 0), (500, 500), (7, 3), (1, 1), (1, 0), (100, 5)] {
        let on_aws = (0..trials).filter(|index| share_of_aws(*index, trials, aws)).count();
        assert_eq!(u64::try_from(on_aws).unwrap(), aws, "{aws} of {trials}");
    }
}

#[test]
fn in_the_few_trials_each_event_is_to_happen() {
    let scenarios = FEW.iter().map(|seed| Scenario::from_seed(*seed, Cloud::Local).people);
    let words = FEW.iter().filter_map(|seed| Scenario::from_seed(*seed, Cloud::Local).words);
    let of_words = words.filter(Words::change_outputs_alone).map(|_| Event::StateOnlyPlan);
    let edited = FEW.iter().flat_map(|seed| Scenario::from_seed(*seed, Cloud::Local).machines);
    let edited = edited.filter(|machine| machine.refused.is_some()).map(|_| Event::EditOfDeleted);
    let events = scenarios.flat_map(|people| {
        let approval = people.approve_after.map(|_| Event::Approval);
        people.acts.into_iter().map(|act| act.event).chain(approval)
    });
    let events = events.chain(of_words);
    let events = events.chain(edited);
    assert_eq!(events.collect::<BTreeSet<_>>(), Event::ALL.into_iter().collect());
}

#[test]
fn a_machine_that_has_not_the_last_of_all_is_found() {
    let words = Words::from_rng(&mut fastrand::Rng::with_seed(1));
    let (word, salt) = words.last_of_all();
    let has = |word: &str, salt: &str| words.reached(&json!({"status": {"outputs": {"word": word, "salt": salt}}}));
    assert!(has(&word, &salt));
    let edition_of_before = format!("{} word-0x", word.split(' ').next().unwrap());
    assert!(!has(&edition_of_before, &salt) && !has(&word, "") && !words.reached(&json!({})));
}
