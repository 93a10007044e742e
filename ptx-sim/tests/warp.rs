//! What lanes do together, divergence, calls, and barriers.

mod support;

use ptx_sim::FaultKind;
use support::{Gpu, numbers};

/// Runs a kernel of this body in one block; each thread leaves `%r0` behind.
fn run_on(target: &str, items: &str, body: &str, threads: u32) -> Result<Vec<u64>, ptx_sim::Fault> {
    let text = format!(
        "{items}\n.visible .entry k(.param .u64 p)\n{{ .reg .b64 %rd<20>; .reg .b32 %r<40>, %lane, %thread; .reg .pred %p<10>, %odd;\n\
         mov.u32 %lane, %laneid; mov.u32 %thread, %tid.x; and.b32 %r1, %thread, 1; setp.eq.u32 %odd, %r1, 1; mov.u32 %r0, 0;\n\
         {body}\nEND: ld.param.u64 %rd0, [p]; mul.wide.u32 %rd1, %thread, 4; add.u64 %rd0, %rd0, %rd1; st.global.u32 [%rd0], %r0; ret; }}"
    );
    support::accepted_by_ptxas(target, &support::module(target, &text));
    let gpu = Gpu::of(target, &text);
    let out = gpu.buffer(&vec![0xee; 4 * threads as usize]);
    gpu.launch("k", 1, threads, &[out])?;
    Ok(numbers(&gpu.read(out, 4 * threads as usize), 4))
}

fn run(body: &str) -> Vec<u64> {
    run_on("sm_90", "", body, 32).unwrap_or_else(|fault| panic!("{fault}"))
}

fn each(f: impl Fn(u64) -> u64) -> Vec<u64> {
    (0..32).map(f).collect()
}

#[test]
fn shuffles_move_values_between_lanes() {
    let body = |mode: &str, by: u32, clamp: u32| {
        format!(
            "add.u32 %r2, %lane, 100; shfl.sync.{mode}.b32 %r3|%p1, %r2, {by}, {clamp}, -1; selp.u32 %r4, 1000, 0, %p1; \
             add.u32 %r0, %r3, %r4;"
        )
    };
    // Value, and 1000 where the source lane is in the segment.
    let from = |source: Option<u64>, lane: u64| source.map_or(100 + lane, |source| 1100 + source);
    assert_eq!(run(&body("up", 3, 0)), each(|n| from(n.checked_sub(3), n)));
    assert_eq!(run(&body("down", 5, 31)), each(|n| from((n + 5 < 32).then_some(n + 5), n)));
    assert_eq!(run(&body("bfly", 6, 31)), each(|n| from(Some(n ^ 6), n)));
    assert_eq!(run(&body("idx", 9, 31)), each(|n| from(Some(9), n)));
    // In segments of 8 lanes: the mask of the segment is above, the last lane below.
    let segments = 24 << 8;
    assert_eq!(run(&body("up", 3, segments)), each(|n| from((n % 8 >= 3).then(|| n - 3), n)));
    assert_eq!(run(&body("down", 3, segments | 7)), each(|n| from((n % 8 + 3 < 8).then_some(n + 3), n)));
    assert_eq!(run(&body("bfly", 3, segments | 7)), each(|n| from(Some(n ^ 3), n)));
    assert_eq!(run(&body("idx", 2, segments | 7)), each(|n| from(Some(n / 8 * 8 + 2), n)));
    // Each lane its own source.
    let body = "sub.u32 %r2, 31, %lane; shfl.sync.idx.b32 %r0, %lane, %r2, 31, -1;";
    assert_eq!(run(body), each(|n| 31 - n));
}

#[test]
fn lanes_that_parted_meet_at_synchronising_instructions() {
    // The even lanes come late.
    let body = "@%odd bra SYNC; mov.u32 %r5, 0; L: add.u32 %r5, %r5, 1; setp.lt.u32 %p2, %r5, 50; @%p2 bra L;
        SYNC: xor.b32 %r2, %lane, 1; shfl.sync.idx.b32 %r0, %lane, %r2, 31, -1;";
    assert_eq!(run(body), each(|n| n ^ 1));
    // Only those of the mask are waited for, and those that have ended are not.
    let body = "setp.ge.u32 %p1, %lane, 16; @%p1 bra END; setp.eq.u32 %p2, %lane, 3; @%p2 exit;
        vote.sync.ballot.b32 %r0, %odd, 0xffff;";
    let mut expected = each(|n| if n < 16 { 0xaaa2 } else { 0 });
    expected[3] = 0xeeee_eeee;
    assert_eq!(run(body), expected);
    // Both sides of a branch, each with its own mask.
    let body = "@%odd bra ODD; redux.sync.add.u32 %r0, %lane, 0x55555555; bra END;
        ODD: redux.sync.add.u32 %r0, %lane, 0xaaaaaaaa;";
    assert_eq!(run(body), each(|n| if n % 2 == 0 { 240 } else { 256 }));
    // `bar.warp.sync` may stand at several places.
    let items = ".shared .align 4 .b8 s[128];";
    let body = "mul.lo.u32 %r2, %lane, 4; mov.u32 %r3, s; add.u32 %r3, %r3, %r2; xor.b32 %r4, %r3, 4; @%odd bra ODD;
        st.shared.u32 [%r3], %lane; bar.warp.sync -1; bra JOIN; ODD: st.shared.u32 [%r3], %lane; bar.warp.sync 0xffffffff;
        JOIN: ld.shared.u32 %r0, [%r4];";
    assert_eq!(run_on("sm_90", items, body, 32).unwrap(), each(|n| n ^ 1));
}

#[test]
fn votes_and_matches() {
    assert_eq!(run("vote.sync.ballot.b32 %r0, %odd, -1;"), each(|_| 0xaaaa_aaaa));
    assert_eq!(run("vote.sync.ballot.b32 %r0, !%odd, -1;"), each(|_| 0x5555_5555));
    let holds = |test: &str| {
        run(&format!(
            "setp.{test}; vote.sync.all.pred %p2, %p1, -1; vote.sync.any.pred %p3, %p1, -1;
        vote.sync.uni.pred %p4, %p1, -1; selp.u32 %r2, 1, 0, %p2; selp.u32 %r3, 2, 0, %p3; selp.u32 %r4, 4, 0, %p4;
        add.u32 %r0, %r2, %r3; add.u32 %r0, %r0, %r4;"
        ))[7]
    };
    assert_eq!(holds("lt.u32 %p1, %lane, 32"), 7);
    assert_eq!(holds("lt.u32 %p1, %lane, 3"), 2);
    assert_eq!(holds("gt.u32 %p1, %lane, 40"), 4);
    assert_eq!(run("shr.u32 %r2, %lane, 3; match.any.sync.b32 %r0, %r2, -1;"), each(|n| 0xff << (n / 8 * 8)));
    assert_eq!(run("cvt.u64.u32 %rd5, %r1; match.any.sync.b64 %r0, %rd5, -1;"), each(|n| 0x5555_5555 << (n % 2)));
    let all = |value: &str| run(&format!("{value} match.all.sync.b32 %r3|%p2, %r2, -1; selp.u32 %r0, %r3, 7, %p2;"));
    assert_eq!(all("mov.u32 %r2, 5;"), each(|_| 0xffff_ffff));
    assert_eq!(all("mov.u32 %r2, %lane;"), each(|_| 7));
    let mask = "@!%odd bra END; activemask.b32 %r0;";
    assert_eq!(run(mask), each(|n| if n % 2 == 1 { 0xaaaa_aaaa } else { 0 }));
    assert_eq!(
        run("@!%odd bra END; elect.sync %r2|%p2, 0xaaaaaaaa; selp.u32 %r0, 100, %r2, %p2;"),
        each(|n| if n == 1 { 100 } else { n % 2 })
    );
}

#[test]
fn reductions() {
    let of =
        |operation: &str| run(&format!("sub.s32 %r2, %lane, 5; redux.sync.{operation} %r0, %r2, -1;"))[9] as u32 as i32;
    assert_eq!(of("add.s32"), 31 * 16 - 160);
    assert_eq!((of("min.s32"), of("max.s32")), (-5, 26));
    assert_eq!((of("min.u32"), of("max.u32")), (0, -1));
    let all = || (0..32).map(|n: i32| n - 5);
    assert_eq!(of("and.b32"), all().fold(-1, |a, b| a & b));
    assert_eq!(of("or.b32"), all().fold(0, |a, b| a | b));
    assert_eq!(of("xor.b32"), all().fold(0, |a, b| a ^ b));
}

#[test]
fn a_lane_outside_of_its_mask_is_a_fault() {
    let fault = run_on("sm_90", "", "vote.sync.ballot.b32 %r0, %odd, 0xfffffffe;", 32).unwrap_err();
    assert_eq!((fault.kind, fault.thread), (FaultKind::Trap, Some([0, 0, 0])));
    assert!(fault.detail.contains("0xfffffffe lacks the lane"), "{fault}");
}

#[test]
fn waiting_for_who_never_comes_is_a_deadlock() {
    let fault = run_on(
        "sm_90",
        "",
        "@%odd bra ODD; vote.sync.ballot.b32 %r0, %odd, -1; bra END;
        ODD: shfl.sync.idx.b32 %r0, %lane, 0, 31, -1;",
        32,
    )
    .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Deadlock, "{fault}");
    assert!(fault.detail.contains("never come"), "{fault}");
    // Half of the block waits at one barrier, half at another.
    let fault =
        run_on("sm_90", "", "setp.lt.u32 %p1, %thread, 32; @%p1 bra L; bar.sync 1; bra END; L: bar.sync 2;", 64)
            .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Deadlock, "{fault}");
    // Nobody else comes any more.
    let fault = run_on("sm_90", "", "setp.lt.u32 %p1, %thread, 32; @%p1 bra END; bar.sync 1, 64;", 64).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Deadlock, "{fault}");
    assert!(fault.to_string().contains("32 threads wait at barrier 1"), "{fault}");
}

#[test]
fn barriers_order_the_warps_of_a_block() {
    let items = ".shared .align 4 .b8 s[4096];";
    // The next thread's number, round the block.
    let body = "mov.u32 %r9, %ntid.x; mul.lo.u32 %r2, %thread, 4; mov.u32 %r3, s; add.u32 %r4, %r3, %r2; st.shared.u32 [%r4], %thread; bar.sync 0;
        add.u32 %r5, %thread, 1; rem.u32 %r5, %r5, %r9; mul.lo.u32 %r5, %r5, 4; add.u32 %r5, %r5, %r3; ld.shared.u32 %r0, [%r5];";
    for threads in [1_u64, 31, 32, 33, 100, 1024] {
        let got = run_on("sm_70", items, body, threads as u32).unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(got, (0..threads).map(|n| (n + 1) % threads).collect::<Vec<_>>());
    }
    // The last thread comes late, long after its warp's first turn.
    let late = "setp.ne.u32 %p1, %thread, 32; @%p1 bra GO; mov.u32 %r2, 0; L: add.u32 %r2, %r2, 1; setp.lt.u32 %p2, %r2, 50000; @%p2 bra L;
        st.shared.u32 [s], 7; GO: bar.sync 0; ld.shared.u32 %r0, [s];";
    assert_eq!(run_on("sm_70", items, late, 33).unwrap(), vec![7; 33]);
    // Those that have ended are not waited for.
    let body = "setp.ge.u32 %p1, %thread, 40; @%p1 bra END; bar.sync 3; mov.u32 %r0, 1;";
    assert_eq!(run_on("sm_70", "", body, 96).unwrap().iter().sum::<u64>(), 40);
    // Two warps make, one takes.
    let items = ".shared .align 4 .b8 s[256];";
    let body = "mul.lo.u32 %r2, %thread, 4; mov.u32 %r3, s; add.u32 %r4, %r3, %r2; setp.lt.u32 %p1, %thread, 64; @!%p1 bra TAKE;
        mul.lo.u32 %r5, %thread, 3; st.shared.u32 [%r4], %r5; bar.arrive 1, 96; bra END;
        TAKE: bar.sync 1, 96; sub.u32 %r4, %r4, 256; ld.shared.u32 %r6, [%r4]; ld.shared.u32 %r7, [%r4+128]; add.u32 %r0, %r6, %r7;";
    let got = run_on("sm_70", items, body, 96).unwrap();
    assert_eq!(got[64..], (0..32).map(|n| 3 * n + 3 * (n + 32)).collect::<Vec<u64>>());
}

#[test]
fn barriers_reduce_predicates() {
    let body = "setp.lt.u32 %p1, %thread, 70; barrier.sync 0; barrier.red.popc.u32 %r2, 0, %p1; bar.red.and.pred %p2, 1, %p1;
        bar.red.or.pred %p3, 2, 96, !%p1; selp.u32 %r3, 1000, 0, %p2; selp.u32 %r4, 2000, 0, %p3; add.u32 %r0, %r2, %r3; add.u32 %r0, %r0, %r4;";
    assert_eq!(run_on("sm_70", "", body, 96).unwrap(), vec![2070; 96]);
    assert_eq!(run_on("sm_70", "", body, 64).map_err(|fault| fault.kind), Err(FaultKind::Deadlock));
    let body = body.replace("2, 96", "2");
    assert_eq!(run_on("sm_70", "", &body, 64).unwrap(), vec![1064; 64]);
}

#[test]
fn aligned_barriers_are_for_whole_warps() {
    let body = "@%odd bra ODD; bar.sync 0; bra END; ODD: bar.sync 0;";
    let fault = run_on("sm_70", "", body, 32).unwrap_err();
    assert_eq!(fault.kind, FaultKind::DivergentBarrier, "{fault}");
    let body = body.replace("bar.sync", "barrier.sync");
    assert!(run_on("sm_70", "", &body, 32).is_ok());
}

/// A lane waits in a loop for another lane of its warp, and a warp for another one.
#[test]
fn lanes_that_wait_for_each_other_go_on() {
    let items = ".shared .align 4 .b8 s[8];";
    let body = "st.shared.u32 [s], 0; bar.sync 0; setp.eq.u32 %p1, %thread, TURN; @%p1 bra SET;
        WAIT: ld.volatile.shared.u32 %r0, [s]; setp.eq.u32 %p2, %r0, 0; @%p2 bra WAIT; bra END;
        SET: mov.u32 %r2, 0; L: add.u32 %r2, %r2, 1; setp.lt.u32 %p2, %r2, 100; @%p2 bra L; st.volatile.shared.u32 [s], 5; mov.u32 %r0, 5;";
    for turn in ["0", "31", "40", "63"] {
        assert_eq!(run_on("sm_70", items, &body.replace("TURN", turn), 64).unwrap(), vec![5; 64], "{turn}");
    }
    // A lock that each lane takes in turn.
    let body = "st.shared.u32 [s], 0; st.shared.u32 [s+4], 0; bar.sync 0;
        L: atom.shared.cas.b32 %r2, [s], 0, 1; setp.ne.u32 %p1, %r2, 0; @%p1 bra L;
        ld.volatile.shared.u32 %r3, [s+4]; add.u32 %r3, %r3, 1; st.volatile.shared.u32 [s+4], %r3; membar.cta; atom.shared.exch.b32 %r2, [s], 0;
        bar.sync 0; ld.shared.u32 %r0, [s+4];";
    assert_eq!(run_on("sm_70", items, body, 64).unwrap(), vec![64; 64]);
}

#[test]
fn functions_are_called_by_name_and_by_address() {
    let items = "
        .func (.param .b32 r) fib (.param .b32 n)
        { .reg .b32 %r<9>; .reg .pred %p; ld.param.b32 %r1, [n]; setp.lt.u32 %p, %r1, 2; @%p bra BASE; sub.u32 %r2, %r1, 1;
          { .param .b32 a; .param .b32 b; st.param.b32 [a], %r2; call.uni (b), fib, (a); ld.param.b32 %r3, [b]; }
          sub.u32 %r2, %r1, 2;
          { .param .b32 a; .param .b32 b; st.param.b32 [a], %r2; call.uni (b), fib, (a); ld.param.b32 %r4, [b]; }
          add.u32 %r1, %r3, %r4; BASE: st.param.b32 [r], %r1; ret; }
        .func (.reg .b32 %out) twice (.reg .b32 %in) { add.u32 %out, %in, %in; ret; }
        .func (.param .b32 r) plus (.param .b32 n) { .reg .b32 %x; ld.param.b32 %x, [n]; add.u32 %x, %x, 1000; st.param.b32 [r], %x; ret; }
        .func (.param .align 8 .b8 r[16]) swap (.param .align 8 .b8 p[16])
        { .reg .b64 %a, %b; ld.param.b64 %a, [p]; ld.param.b64 %b, [p+8]; st.param.v2.b64 [r], {%b, %a}; ret; }
        .global .align 8 .u64 table[2] = {fib, plus};";
    let call = "rem.u32 %r2, %lane, 12; { .param .b32 a; .param .b32 b; st.param.b32 [a], %r2; call (b), fib, (a); ld.param.b32 %r0, [b]; }
        call (%r0), twice, (%r0);";
    let fib = |n: u64| (0..n).fold((0, 1), |(a, b), _| (b, a + b)).0;
    assert_eq!(run_on("sm_70", items, call, 32).unwrap(), each(|n| 2 * fib(n % 12)));
    // Neighbours call different functions at once, by an address from a register and from memory.
    let call = "rem.u32 %r2, %lane, 12; and.b32 %r3, %lane, 1; mov.u64 %rd4, table; mul.wide.u32 %rd5, %r3, 8; add.u64 %rd4, %rd4, %rd5;
        ld.global.u64 %rd6, [%rd4]; mov.u64 %rd7, plus; setp.eq.u32 %p3, %lane, 4; selp.b64 %rd6, %rd7, %rd6, %p3;
        { .param .b32 a; .param .b32 b; st.param.b32 [a], %r2; proto: .callprototype (.param .b32 _) _ (.param .b32 _);
          call (b), %rd6, (a), proto; ld.param.b32 %r0, [b]; }";
    let expected = each(|n| if n % 2 == 1 || n == 4 { n % 12 + 1000 } else { fib(n % 12) });
    assert_eq!(run_on("sm_70", items, call, 32).unwrap(), expected);
    let call = "{ .param .align 8 .b8 a[16]; .param .align 8 .b8 b[16]; cvt.u64.u32 %rd5, %lane; st.param.b64 [a], %rd5; st.param.b64 [a+8], 77;
        call.uni (b), swap, (a); ld.param.v2.b64 {%rd6, %rd7}, [b]; } mad.lo.u64 %rd6, %rd7, 1000, %rd6; cvt.u32.u64 %r0, %rd6;";
    assert_eq!(run_on("sm_70", items, call, 32).unwrap(), each(|n| 1000 * n + 77));
    let none = "mov.u64 %rd6, 5; { .param .b32 a; .param .b32 b; st.param.b32 [a], %r2; proto: .callprototype (.param .b32 _) _ (.param .b32 _);
          call (b), %rd6, (a), proto; }";
    let fault = run_on("sm_70", items, none, 1).unwrap_err();
    assert!(fault.detail.contains("call of 0x5, where no function is"), "{fault}");
}

#[test]
fn stacks_have_an_end() {
    let items =
        ".func deep (.param .b32 n) { .reg .b32 %r; .local .b8 l[64]; ld.param.b32 %r, [n]; st.local.u32 [l], %r;
        { .param .b32 a; st.param.b32 [a], %r; call.uni deep, (a); } ret; }";
    let fault = run_on("sm_70", items, "{ .param .b32 a; st.param.b32 [a], 1; call.uni deep, (a); }", 2).unwrap_err();
    assert_eq!(fault.kind, FaultKind::StackOverflow, "{fault}");
    assert_eq!(fault.site.unwrap().function, "deep");
}

#[test]
fn stack_memory_is_allocated_while_a_function_runs() {
    let body = "stacksave.u64 %rd2; add.u32 %r2, %lane, 1; mul.lo.u32 %r2, %r2, 4; cvt.u64.u32 %rd3, %r2; alloca.u64 %rd4, %rd3, 16;
        sub.u64 %rd5, %rd3, 4; add.u64 %rd5, %rd4, %rd5; st.local.u32 [%rd5], %lane; cvta.local.u64 %rd6, %rd5; ld.u32 %r3, [%rd6];
        stackrestore.u64 %rd2; stacksave.u64 %rd7; sub.u64 %rd7, %rd7, %rd2; cvt.u32.u64 %r4, %rd7; add.u32 %r0, %r3, %r4;";
    assert_eq!(run_on("sm_70", "", body, 32).unwrap(), each(|n| n));
    let fault = run_on("sm_70", "", "alloca.u64 %rd4, 1000000; st.local.u32 [%rd4], 1;", 1).unwrap_err();
    assert_eq!(fault.kind, FaultKind::StackOverflow);
}

#[test]
fn labels_belong_to_their_scope() {
    let body = "{ bra L; mov.u32 %r0, 9; L: add.u32 %r0, %r0, 1; } { bra L; mov.u32 %r0, 9; L: add.u32 %r0, %r0, 2; { bra M; L: } }
        L: add.u32 %r0, %r0, 4; bra END; M: add.u32 %r0, %r0, 8; bra L;";
    assert_eq!(run(body), each(|_| 15));
}

#[test]
fn indexed_branches() {
    let body = "and.b32 %r2, %lane, 3; T: .branchtargets A, B, C, D; brx.idx %r2, T;
        A: mov.u32 %r0, 10; bra J; B: mov.u32 %r0, 20; bra J; C: mov.u32 %r0, 30; bra J; D: mov.u32 %r0, 40; J: add.u32 %r0, %r0, %lane;";
    assert_eq!(run(body), each(|n| 10 * (n % 4 + 1) + n));
    let fault = run_on("sm_90", "", "T: .branchtargets A; brx.idx %lane, T; A: mov.u32 %r0, 10;", 2).unwrap_err();
    assert!(fault.detail.contains("branch to target 1 of 1"), "{fault}");
}
