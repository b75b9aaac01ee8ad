//! Floods that cost who sends them little and who reads them much: the connection ends, memory stays, others are served.

use std::io::Read as _;

use limen_testbed::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    frame, get, literals, remembered,
};
use limen_testbed::{Gate, Http2, Reply};

use crate::stage::Stage;

/// What an attack may make the process grow by, at most.
const GROWTH_BYTES: u64 = 64 << 20;
/// More than sockets hold: whoever sends so much finds out whether anybody reads.
const FLOOD_BYTES: usize = 48 << 20;
const ENHANCE_YOUR_CALM: Option<u32> = Some(11);

fn resident_bytes(stage: &Stage) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", stage.limen.process_id().unwrap())).unwrap();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB")).unwrap();
    kilobytes.trim().parse::<u64>().unwrap() << 10
}

/// Attacks one connection until it is ended, and sees that nothing else suffered.
fn attack(stage: &Stage, what: &str, begin: &[u8], repeated: &[u8], times: usize) -> (bool, Option<u32>) {
    let before = resident_bytes(stage);
    let mut frames = Frames::open(stage.limen.gateway());
    let mut writer = frames.writer();
    let (begin, repeated) = (begin.to_vec(), repeated.to_vec());
    let sending = std::thread::spawn(move || {
        use std::io::Write as _;
        let _ = writer.write_all(&begin);
        let together = (65_536 / repeated.len()).clamp(1, times);
        let lump = repeated.repeat(together);
        (0..times.div_ceil(together)).all(|_| writer.write_all(&lump).is_ok())
    });
    let other = Http2::open(stage.limen.gateway());
    for _ in 0..5 {
        assert_eq!(other.get("/open/items", &[]).status, 200, "{what}");
    }
    let code = frames.until_closed();
    let all_taken = sending.join().unwrap();
    assert_eq!(other.get("/open/items", &[]).status, 200, "{what}");
    assert_eq!(Http2::open(stage.limen.gateway()).get("/open/items", &[]).status, 200, "{what}");
    let grown = resident_bytes(stage).saturating_sub(before);
    assert!(grown < GROWTH_BYTES, "{what}: {grown} bytes");
    (all_taken, code)
}

#[test]
fn floods_of_frames_end_their_connection() {
    let stage = Stage::new();
    let authority = stage.limen.gateway().to_string();
    let head = literals(&get("/nowhere-at-all", &authority));
    let head_alone = frame(HEADERS, 0, 1, &head);
    let open = frame(HEADERS, END_HEADERS, 1, &literals(&get("/open/items", &authority)));
    let cases: [(&str, Vec<u8>, Vec<u8>); 9] = [
        ("settings", vec![], frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 9])),
        ("settings acknowledged", vec![], frame(SETTINGS, ACK, 0, &[])),
        ("pings", vec![], frame(PING, 0, 0, b"limenlim")),
        ("empty data", open.clone(), frame(DATA, 0, 1, b"")),
        ("data that is nothing but padding", open, frame(DATA, 8, 1, &[0])),
        ("room for nothing that is sent", vec![], frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        ("a head without end", head_alone.clone(), frame(CONTINUATION, 0, 1, &literals(&[("x", &"y".repeat(9_000))]))),
        ("a head without end and without anything", head_alone, frame(CONTINUATION, 0, 1, b"")),
        ("kinds that nobody knows", vec![], frame(0x77, 0, 0, b"limen")),
    ];
    for (what, begin, repeated) in cases {
        let times = FLOOD_BYTES / repeated.len();
        let (all_taken, _) = attack(&stage, what, &begin, &repeated, times);
        assert!(!all_taken, "{what}: it went on to its end");
    }
}

#[test]
fn heads_that_unfold_to_much_take_little_room() {
    let stage = Stage::new();
    let authority = stage.limen.gateway().to_string();
    // One entry of 4,000 bytes, and 8,000 references to it in a frame: 32 MB unfolded.
    let mut block = literals(&get("/open/items", &authority));
    block.extend(remembered("x", &"y".repeat(3_900)));
    block.extend(std::iter::repeat_n(0xbe, 8_000));
    let bomb = |stream| frame(HEADERS, END_HEADERS | END_STREAM, stream, &block);
    let (_, code) = attack(&stage, "references", &bomb(1), &bomb(3), 10_000);
    assert!(code.is_some(), "{code:?}");
    // The same within what is read of a head, on every stream that there may be: each is told what is wrong.
    let before = resident_bytes(&stage);
    for (connections, references) in [(50, 2_500), (10, 16_000)] {
        for _ in 0..connections {
            let mut frames = Frames::open(stage.limen.gateway());
            for stream in 0..90 {
                let mut block = literals(&get("/open/items", &authority));
                block.extend(std::iter::repeat_n(0x8f, references));
                assert!(frames.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1 + 2 * stream, &block)));
            }
            assert_eq!(frames.until_end_of(179)[0].payload[0], super::STATUS_400);
        }
    }
    let grown = resident_bytes(&stage).saturating_sub(before);
    // Few heads are in hand at a time, however many came.
    assert!(grown < GROWTH_BYTES, "{grown} bytes");
    assert_eq!(stage.service.hits(), 7, "those of the other caller alone");
}

#[test]
fn calls_that_are_taken_back_at_once_end_their_connection() {
    let stage = Stage::new();
    let gate = Gate::new();
    stage.service.on("/base/slow", Reply::status(200).wait_for(&gate));
    let authority = stage.limen.gateway().to_string();
    let block = literals(&get("/open/slow", &authority));
    // Rapid reset, as fast as it goes.
    let mut flood = Vec::new();
    for stream in 0..10_000_u32 {
        flood.extend(frame(HEADERS, END_HEADERS | END_STREAM, 1 + 2 * stream, &block));
        flood.extend(frame(RST_STREAM, 0, 1 + 2 * stream, &8_u32.to_be_bytes()));
    }
    let (_, code) = attack(&stage, "rapid reset", &[], &flood, 1);
    assert_eq!(code, ENHANCE_YOUR_CALM);
    let reached = stage.service.hits();
    assert!(reached < 200, "{reached} calls reached the service");
    // Slower: each call is under way before it is taken back.
    let mut frames = Frames::open(stage.limen.gateway());
    let mut taken = 0;
    for stream in 0..1_000_u32 {
        let hits = stage.service.hits();
        if !frames.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1 + 2 * stream, &block)) {
            break;
        }
        let is_over = limen_testbed::eventually("it is under way, or the connection has ended", || {
            let mut byte = [0];
            let mut reader = frames.writer();
            reader.set_nonblocking(true).unwrap();
            let ended = matches!(reader.read(&mut byte), Ok(0));
            reader.set_nonblocking(false).unwrap();
            (ended || stage.service.hits() > hits).then_some(ended)
        });
        if is_over {
            break;
        }
        frames.write(&frame(RST_STREAM, 0, 1 + 2 * stream, &8_u32.to_be_bytes()));
        taken += 1;
    }
    assert!((50..200).contains(&taken), "{taken}");
    gate.open();
}

#[test]
fn answers_that_we_are_made_to_reset_end_their_connection() {
    let stage = Stage::new();
    let gate = Gate::new();
    stage.service.on("/base/slow", Reply::status(200).wait_for(&gate));
    let authority = stage.limen.gateway().to_string();
    let block = literals(&get("/open/slow", &authority));
    for (what, kind, payload) in [
        ("no room", WINDOW_UPDATE, 0_u32.to_be_bytes()),
        ("too much room", WINDOW_UPDATE, 0x7fff_ffff_u32.to_be_bytes()),
        ("data behind the end", DATA, *b"data"),
    ] {
        let mut flood = Vec::new();
        for stream in 0..10_000_u32 {
            flood.extend(frame(HEADERS, END_HEADERS | END_STREAM, 1 + 2 * stream, &block));
            flood.extend(frame(kind, 0, 1 + 2 * stream, &payload));
        }
        let hits = stage.service.hits();
        attack(&stage, what, &[], &flood, 1);
        let reached = stage.service.hits() - hits;
        assert!(reached < 400, "{what}: {reached} calls reached the service");
    }
    gate.open();
}
