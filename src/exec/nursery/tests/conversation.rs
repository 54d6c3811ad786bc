//! What is out of form is refused by itself: neither nursery nor shim ends, and the next request is obeyed.

use std::os::fd::{AsFd, AsRawFd};

use bytes::Bytes;
use nix::sys::socket::{MsgFlags, send};

use super::{Event, Order, Request, Shim, ask, daemon, hatch, next, null, nursery, packet, shell};
use crate::protocol::Exit;

fn throw(socket: impl AsFd, bytes: &[u8]) {
    assert_eq!(send(socket.as_fd().as_raw_fd(), bytes, MsgFlags::MSG_DONTWAIT).unwrap(), bytes.len());
}

#[test]
fn a_nursery_refuses_what_is_out_of_form_and_goes_on() {
    let nursery = nursery();
    for junk in [&[][..], &[9], &[0], &[0, 0xc1, 0xc1], &[1], &[0; 40_000]] {
        throw(&nursery.socket, junk);
    }
    packet::send(&nursery.socket, &Request::Hatch(hatch("no-control")), &[]).unwrap();
    let mut lockless = hatch("no-lock");
    lockless.lock = true;
    assert_eq!(next(&ask(&nursery, lockless, &[])), None, "the shim of a request without its lock ends");
    let waiting = Request::EndOrphans { item: "never-was".into(), shim: 1 };
    packet::send(&nursery.socket, &waiting, &[]).unwrap();
    let shim = Shim::of(&nursery, hatch("good"), &[]);
    shim.finish();
}

#[test]
fn a_shim_refuses_what_is_out_of_form_and_goes_on() {
    let nursery = nursery();
    let shim = Shim::of(&nursery, hatch("talk"), &[]);
    for junk in [&[][..], &[9], &[0], &[0, 0xc1, 0xc1], &[1], &[0; 40_000]] {
        throw(&shim.control, junk);
        assert!(matches!(shim.next(), Some(Event::Refused { unit: None, .. })));
    }
    let null = null();
    let run = |unit| Order::Run { unit, command: shell("exit 3") };
    for missing in [&[][..], &[null.as_fd()], &[null.as_fd(); 3]] {
        shim.send(&run(1), missing);
        assert!(matches!(shim.next(), Some(Event::Refused { unit: Some(1), .. })));
        shim.send(&Order::Serve { unit: 2, service: Box::new(daemon(None, "true")) }, &[null.as_fd(); 2]);
        assert!(matches!(shim.next(), Some(Event::Refused { unit: Some(2), .. })));
    }
    shim.send(&run(1), &[null.as_fd(); 2]);
    shim.wait_for(|event| matches!(event, Event::Exited { unit: 1, exit: Exit::Code(3), .. }));
    for order in
        [Order::Stop { unit: 77, grace: super::DEADLINE }, Order::End { unit: 77, grace: super::DEADLINE }]
    {
        shim.send(&order, &[]);
    }
    shim.finish();
}

#[test]
fn an_order_far_bigger_than_a_packet_arrives_whole() {
    let nursery = nursery();
    let shim = Shim::of(&nursery, hatch("big"), &[]);
    let null = null();
    let mut command = shell("test $(env | wc -c) -gt 300000");
    for number in 0..30 {
        command.env.push((Bytes::from(format!("BIG_{number}")), Bytes::from("x".repeat(10_500))));
    }
    shim.send(&Order::Run { unit: 1, command: command.clone() }, &[null.as_fd(); 2]);
    shim.wait_for(|event| matches!(event, Event::Exited { unit: 1, exit: Exit::Code(0), .. }));
    let mut service = daemon(Some("true"), "true");
    service.stop.as_mut().unwrap().command = command;
    shim.send(&Order::Serve { unit: 2, service: Box::new(service) }, &[null.as_fd(); 2]);
    shim.send(&Order::Finish, &[]);
    shim.wait_for(|event| *event == Event::Stopped { unit: 2, success: true });
}
