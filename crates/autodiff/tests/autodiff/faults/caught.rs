//! Caught panics.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// The message of a panic, and its location.
#[derive(Clone, Debug)]
pub(crate) struct Panic {
    pub(crate) message: String,
    pub(crate) file: String,
    pub(crate) line: u32,
}

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    static CAUGHT: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// Runs `mistake`, which must panic, and returns the panic.
#[track_caller]
pub(crate) fn panic_of<R>(mistake: impl FnOnce() -> R) -> Panic {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |info| if CATCHING.get() { keep(info) } else { usual(info) }));
    });
    CATCHING.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(mistake));
    CATCHING.set(false);
    assert!(outcome.is_err(), "this must panic");
    CAUGHT.take().expect("the hook has seen the panic")
}

fn keep(info: &PanicHookInfo<'_>) {
    let payload = info.payload();
    let formatted = payload.downcast_ref::<String>().map(String::as_str);
    let message = formatted.or_else(|| payload.downcast_ref::<&str>().copied());
    let message = message.expect("a panic has a text").to_owned();
    let location = info.location().expect("a panic has a location");
    let (file, line) = (location.file().to_owned(), location.line());
    CAUGHT.set(Some(Panic { message, file, line }));
}

/// Checks that an expression panics at its own line, and that the message has these parts.
macro_rules! refuses {
    ($mistake:expr; $($part:expr),+ $(,)?) => {{
        let panic = $crate::faults::caught::panic_of(|| $mistake);
        for part in [$($part),+] {
            assert!(panic.message.contains(part), "{part:?} is missing in {:?}", panic.message);
        }
        assert_eq!((&*panic.file, panic.line), (file!(), line!()), "{}", panic.message);
    }};
}
pub(crate) use refuses;
